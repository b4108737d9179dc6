#include "engine/encode/prompt_layout.h"

#include <algorithm>

#include "rerank/error.h"

namespace rerank {
namespace {

// The only piece that has the field.
std::size_t piece_of(const Prompt& prompt, PromptField field) {
  const auto has_it = [field](const PromptPiece& piece) { return has_field(piece, field); };
  check(std::ranges::count_if(prompt.pieces, has_it) == 1, "a prompt has query and document once each");
  return static_cast<std::size_t>(std::ranges::find_if(prompt.pieces, has_it) - prompt.pieces.begin());
}

// If all queries share only a little, such as one control token, a part of its own does not pay.
bool is_worth_a_part(const Prompt& prompt, PieceRange pieces) {
  constexpr std::size_t kFewBytes = 32;
  std::size_t num_bytes = 0;
  for (std::size_t p = pieces.first; p < pieces.end; ++p) {
    for (const PromptText& text : prompt.pieces[p].texts) num_bytes += text.words.size();
  }
  return num_bytes >= kFewBytes || has_field(prompt, pieces, PromptField::kInstruction);
}

}  // namespace

bool has_field(const PromptPiece& piece, PromptField field) {
  return std::ranges::any_of(piece.texts, [field](const PromptText& text) { return text.field == field; });
}

bool depends_on_instruction(const PromptPiece& piece) {
  return std::ranges::any_of(piece.texts, [](const PromptText& text) {
    return text.field == PromptField::kInstruction || text.needs_instruction;
  });
}

bool has_field(const Prompt& prompt, PieceRange pieces, PromptField field) {
  return std::any_of(prompt.pieces.begin() + static_cast<std::ptrdiff_t>(pieces.first),
                     prompt.pieces.begin() + static_cast<std::ptrdiff_t>(pieces.end),
                     [field](const PromptPiece& piece) { return has_field(piece, field); });
}

PromptLayout lay_out(const Prompt& prompt) {
  const std::size_t document = piece_of(prompt, PromptField::kDocument);
  const std::size_t query = piece_of(prompt, PromptField::kQuery);
  check(document != query, "a prompt has query and document in one piece");
  const auto is_fixed = [](const PromptText& text) {
    return text.field == PromptField::kNone && !text.needs_instruction;
  };
  for (const PromptPiece& piece : prompt.pieces) {
    check(piece.times_outside_limit == 0 || std::ranges::all_of(piece.texts, is_fixed),
          "a prompt's limit depends on its texts");
  }
  PromptLayout layout{.document = document, .after_document = {document + 1, prompt.pieces.size()}};
  std::size_t begin = 0;
  const PieceRange any_query{0, std::min(query, document)};
  if (!any_query.empty() && (query > document || is_worth_a_part(prompt, any_query))) {
    layout.shared.push_back(any_query);
    begin = any_query.end;
  }
  if (begin < document) layout.shared.push_back({begin, document});
  return layout;
}

}  // namespace rerank
