// Encodes the prompts of a request one after the other, in steps: first the prefix for each run of documents
// with the same query, then each document.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <utility>

#include "engine/encode/request_encoder.h"

namespace rerank {

class PromptEncoding {
 public:
  // The encoding for this kind of prompt. Both arguments must outlive it.
  static std::unique_ptr<PromptEncoding> start(const RequestEncoder& encoder, const Request& request);

  virtual ~PromptEncoding() = default;
  PromptEncoding(const PromptEncoding&) = delete;
  PromptEncoding& operator=(const PromptEncoding&) = delete;

  // Performs a step (see TextEncoding) towards the prompt of `document`; true once head and take_document
  // return it. Throws as RequestEncoder. REQUIRES: the same document until then.
  bool advance(std::size_t document) { return advance_head(document) && encode_document(document); }
  // The same for the prefix alone.
  bool advance_head(std::size_t document);

  const EncodedHead& head() const { return head_; }
  EncodedDocument take_document() { return std::move(document_); }

  // Sets a known prefix, that of `document` and others with the same query.
  void set_head(EncodedHead head, std::size_t document) {
    head_ = std::move(head);
    head_document_ = document;
  }

 protected:
  PromptEncoding(const RequestEncoder& encoder, const Request& request)
      : encoder_(encoder), request_(request) {}

  // One step each; true once head_ or document_ is complete.
  virtual bool encode_head(std::size_t document) = 0;
  virtual bool encode_document(std::size_t document) = 0;
  // Called when the next prefix has another query.
  virtual void drop_query() = 0;

  const RequestEncoder& encoder_;
  const Request& request_;
  EncodedHead head_;
  EncodedDocument document_;

 private:
  std::optional<std::size_t> head_document_;  // the document whose query head_ contains
};

}  // namespace rerank
