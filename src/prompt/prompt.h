// The words around a query and a document, as data: a list of pieces, each encoded as one text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace rerank {

// Whose text follows some words.
enum class PromptField { kNone, kInstruction, kQuery, kDocument };

struct PromptText {
  std::string words;  // ours; control tokens in them are control tokens
  PromptField field = PromptField::kNone;
  bool needs_instruction = false;  // words and field are left out where there is no instruction
};

// Encoded as one text. Pieces begin and end where the tokenizer's pre-tokenizer splits whatever the texts
// are, so that encoding piece by piece equals encoding the whole; or where the publisher's own code encodes
// apart.
struct PromptPiece {
  std::vector<PromptText> texts;
  int times_outside_limit = 0;  // see Prompt::default_text_limit; not 0: the piece has no field
};

// How an encoder reads a pair: all of it in one segment, so that nothing is shared or kept. Special tokens
// and token types are those of the tokenizer's own templates (the post_processor of tokenizer.json).
struct PairTemplate {
  // One text, which the template for one text surrounds and which loses its end where it is too long. Empty:
  // query and document are two texts, which the template for two joins, and the longer one loses tokens from
  // its end until both fit (of equals, the second).
  std::vector<PromptText> text;
};

// Each field occurs at most once; query and document do, in pieces of their own. What comes before the
// document is shared between documents.
struct Prompt {
  std::string name;                 // for people
  std::vector<PromptPiece> pieces;  // in order
  std::string default_instruction;  // empty: none

  // The text limit, in tokens: that of the whole prompt, less those of each piece times its
  // times_outside_limit. What a publisher's code calls max_length, 0: no limit but the model's positions.
  std::int32_t default_text_limit = 8192;
  // The piece of the query is cut to this share of the text limit, in percent; 0: it is never cut, and a pair
  // whose query leaves the document no room is refused.
  int query_percent = 0;
  // The piece of the document is cut to the text limit, besides the room that the prompt leaves it.
  bool document_within_text_limit = false;

  // An encoder's, instead of pieces.
  std::optional<PairTemplate> pair;
};

}  // namespace rerank
