// The text around a query and a document, as data: a list of pieces, each of which is encoded on its own.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace rerank {

// The field whose text follows some words.
enum class PromptField { kNone, kInstruction, kQuery, kDocument };

struct PromptText {
  std::string words;  // from the template; may contain control tokens
  PromptField field = PromptField::kNone;
  bool needs_instruction = false;  // omitted, with its field, if there is no instruction
};

// Encoded as one text. Piece boundaries are where the pre-tokenizer splits regardless of the texts, so that
// encoding the pieces separately equals encoding the whole; or where the publisher's code encodes separately.
struct PromptPiece {
  std::vector<PromptText> texts;
  int times_outside_limit = 0;  // see Prompt::default_text_limit; not 0: the piece has no field
};

// How an encoder reads a pair: as one segment, of which nothing is shared or cached. Special tokens and token
// types are those of the tokenizer's templates (post_processor of tokenizer.json).
struct PairTemplate {
  // A single text, which the tokenizer's template for one text surrounds and which is truncated at the end.
  // Empty: query and document are two texts joined by the template for pairs, and the longer one is truncated
  // at the end until both fit (if equally long, the second).
  std::vector<PromptText> text;
};

// Each field occurs at most once. Query and document are required, in separate pieces. Everything before the
// document is shared between documents.
struct Prompt {
  std::string name;                 // for messages
  std::vector<PromptPiece> pieces;  // in order
  std::string default_instruction;  // empty: none

  // The text limit, in tokens: of the whole prompt, not counting the tokens of each piece times its
  // times_outside_limit. It is max_length in a publisher's code; 0: only the model's positions limit the
  // prompt.
  std::int32_t default_text_limit = 8192;
  // The piece with the query is truncated to this percentage of the text limit; 0: it is never truncated, and
  // a pair whose query leaves no room for the document is rejected.
  int query_percent = 0;
  // The piece with the document is truncated to the text limit, in addition to the room the prompt leaves it.
  bool document_within_text_limit = false;

  // For an encoder, instead of pieces.
  std::optional<PairTemplate> pair;
};

}  // namespace rerank
