// Encodes the first documents of a request on several threads; one thread takes them in order.
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
  // `encoder` must outlive it. REQUIRES: the documents have the same query.
  SharedEncoding(std::shared_ptr<const SubmittedRequest> submitted, const RequestEncoder& encoder,
                 DocumentRange documents);

  // Encodes documents until all are started, the request is cancelled, or one of them is invalid. Safe from
  // any number of threads.
  void help();

  // The following are for a single thread, which encodes too while it waits. Both throw the encoder's errors.
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
  std::atomic<std::size_t> next_;  // the next document to start
  std::vector<Slot> slots_;        // [documents]
};

// The documents of a request part to encode on several threads: those with the same query, up to the first
// long one, that fit a batch of `max_tokens` and `max_documents`. nullopt if there is too little text to gain
// from it.
std::optional<DocumentRange> worth_sharing(const Request& request, DocumentRange part,
                                           std::int32_t max_tokens, std::int32_t max_documents);

}  // namespace rerank
