// Which pieces of a prompt form the parts shared by its documents, and which come with each document.
#pragma once

#include <cstddef>
#include <vector>

#include "prompt/prompt.h"

namespace rerank {

// Pieces [first, end).
struct PieceRange {
  std::size_t first = 0;
  std::size_t end = 0;

  bool empty() const { return first == end; }
};

struct PromptLayout {
  // Before the document's piece, in order, none empty: first what does not depend on the query, then the
  // rest.
  std::vector<PieceRange> shared;
  std::size_t document = 0;
  PieceRange after_document;
};

bool has_field(const PromptPiece& piece, PromptField field);
bool depends_on_instruction(const PromptPiece& piece);
bool has_field(const Prompt& prompt, PieceRange pieces, PromptField field);

// Throws Error{kInternal} for a prompt that does not meet the rules in prompt.h.
PromptLayout lay_out(const Prompt& prompt);

}  // namespace rerank
