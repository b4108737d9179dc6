// The prompts of a request one after the other, step by step: what its documents share once for each run of
// equal queries, then each document.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <utility>

#include "engine/encode/request_encoder.h"

namespace rerank {

class PromptEncoding {
 public:
  // As the encoder's prompt is written. Both must outlive it.
  static std::unique_ptr<PromptEncoding> start(const RequestEncoder& encoder, const Request& request);

  virtual ~PromptEncoding() = default;
  PromptEncoding(const PromptEncoding&) = delete;
  PromptEncoding& operator=(const PromptEncoding&) = delete;

  // A step, see TextEncoding, towards the prompt of `document`; true once head and take_document are it.
  // Throws as RequestEncoder. REQUIRES: the same document until then.
  bool advance(std::size_t document) { return advance_head(document) && encode_document(document); }
  // The same for the head alone.
  bool advance_head(std::size_t document);

  const EncodedHead& head() const { return head_; }
  EncodedDocument take_document() { return std::move(document_); }

  // The head is known, of `document` and those of the same query.
  void set_head(EncodedHead head, std::size_t document) {
    head_ = std::move(head);
    head_document_ = document;
  }

 protected:
  PromptEncoding(const RequestEncoder& encoder, const Request& request)
      : encoder_(encoder), request_(request) {}

  // Steps; true once head_ or document_ is made.
  virtual bool encode_head(std::size_t document) = 0;
  virtual bool encode_document(std::size_t document) = 0;
  // The next head has another query.
  virtual void drop_query() = 0;

  const RequestEncoder& encoder_;
  const Request& request_;
  EncodedHead head_;
  EncodedDocument document_;

 private:
  std::optional<std::size_t> head_document_;  // whose query the head's is
};

}  // namespace rerank
