// The prompts of a request one after the other, step by step: the preamble once, the query once for each run
// of equal ones, each document.
#pragma once

#include <cstddef>
#include <optional>
#include <utility>

#include "engine/part_encoding.h"
#include "engine/request_encoder.h"

namespace rerank {

class PromptEncoding {
 public:
  // Both must outlive it.
  PromptEncoding(const RequestEncoder& encoder, const Request& request)
      : encoder_(encoder), request_(request) {}

  // A step, see TextEncoding, towards the prompt of `document`; true once head and take_document are it.
  // Throws as RequestEncoder. REQUIRES: the same document until then.
  bool advance(std::size_t document);

  const EncodedHead& head() const { return head_; }
  EncodedDocument take_document() { return std::move(document_); }

  // The head is known, of `document` and those of the same query.
  void set_head(EncodedHead head, std::size_t document) {
    head_ = std::move(head);
    head_document_ = document;
    has_preamble_ = true;
  }

 private:
  void begin_part(std::size_t document);

  const RequestEncoder& encoder_;
  const Request& request_;
  EncodedHead head_;
  bool has_preamble_ = false;
  std::optional<std::size_t> head_document_;  // whose query the head's is
  EncodedDocument document_;
  std::optional<PartEncoding> part_;
};

}  // namespace rerank
