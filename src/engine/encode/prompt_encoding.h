// The prompts of a request one after the other, step by step: what its query does not change once, the rest
// of what is shared once for each run of equal queries, each document.
#pragma once

#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "engine/encode/piece_encoding.h"
#include "engine/encode/request_encoder.h"

namespace rerank {

class PromptEncoding {
 public:
  // Both must outlive it.
  PromptEncoding(const RequestEncoder& encoder, const Request& request);

  // A step, see TextEncoding, towards the prompt of `document`; true once head and take_document are it.
  // Throws as RequestEncoder. REQUIRES: the same document until then.
  bool advance(std::size_t document);
  // The same for the head alone.
  bool advance_head(std::size_t document);

  const EncodedHead& head() const { return head_; }
  EncodedDocument take_document() { return std::move(document_); }

  // The head is known, of `document` and those of the same query.
  void set_head(EncodedHead head, std::size_t document) {
    head_ = std::move(head);
    head_document_ = document;
  }

 private:
  // A run of pieces without the document's.
  struct Section {
    PieceRange pieces;
    bool has_query = false;
    bool is_done = false;
    TokenIds ids;
  };

  void drop_query();
  bool advance_section(Section& section, std::size_t document, std::int32_t tokens_before);
  void make_head();

  const RequestEncoder& encoder_;
  const Request& request_;
  std::vector<Section> sections_;  // the shared parts, then what comes after the document
  EncodedHead head_;
  std::optional<std::size_t> head_document_;  // whose query the head's is
  EncodedDocument document_;
  std::size_t next_piece_ = 0;          // of the section at hand
  std::optional<PieceEncoding> piece_;  // it, or the document's
};

}  // namespace rerank
