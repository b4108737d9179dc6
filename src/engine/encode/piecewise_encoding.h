// Encodes prompts in pieces: what does not depend on the query once per request, the rest of the prefix once
// per run of equal queries, and each document.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "engine/encode/piece_encoding.h"
#include "engine/encode/prompt_encoding.h"

namespace rerank {

class PiecewiseEncoding final : public PromptEncoding {
 public:
  PiecewiseEncoding(const RequestEncoder& encoder, const Request& request);

 private:
  // A run of pieces without the document's.
  struct Section {
    PieceRange pieces;
    bool has_query = false;
    bool is_done = false;
    TokenIds ids;
  };

  bool encode_head(std::size_t document) override;
  bool encode_document(std::size_t document) override;
  void drop_query() override;
  bool advance_section(Section& section, std::size_t document, std::int32_t tokens_before);
  void make_head();

  std::vector<Section> sections_;       // the shared parts, then the pieces after the document
  std::size_t next_piece_ = 0;          // of the current section
  std::optional<PieceEncoding> piece_;  // the current piece
};

}  // namespace rerank
