// The first documents of a request, encoded by several threads at once and taken in order by one.
#pragma once

#include <atomic>
#include <cstddef>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "engine/encode/request_encoder.h"
#include "engine/encode/submitted_request.h"

namespace rerank {

class SharedEncoding {
 public:
  // `encoder` must outlive it. REQUIRES: the documents have one query.
  SharedEncoding(std::shared_ptr<const SubmittedRequest> submitted, const RequestEncoder& encoder,
                 DocumentRange documents);

  // Encodes until no document is left that nobody has begun, the request is cancelled or one turned out
  // wrong. From any number of threads.
  void help();

  // The following are one thread's, who encodes too while it waits. Both throw what the encoder does.
  EncodedHead head();
  // REQUIRES: covers(document), and it was not taken before.
  EncodedDocument take(std::size_t document);
  bool covers(std::size_t document) const {
    return document >= documents_.first && document < documents_.end;
  }

 private:
  struct Slot {
    std::atomic<bool> is_done{false};
    EncodedDocument encoded;
    std::exception_ptr error;
  };

  Slot& slot_of(std::size_t document) { return slots_[document - documents_.first]; }
  void encode_head();
  bool encode_next();

  const std::shared_ptr<const SubmittedRequest> submitted_;
  const RequestEncoder& encoder_;
  const DocumentRange documents_;
  std::once_flag head_begun_;
  EncodedHead head_;
  std::exception_ptr head_error_;
  std::atomic<std::size_t> next_;  // that nobody has begun
  std::vector<Slot> slots_;        // [documents]
};

// Nothing where a part of a request has too little text for several threads, else as many of its documents of
// one query, up to the first long one, as a batch of `max_tokens` and `max_documents` may take.
std::optional<DocumentRange> worth_sharing(const Request& request, DocumentRange part,
                                           std::int32_t max_tokens, std::int32_t max_documents);

}  // namespace rerank
