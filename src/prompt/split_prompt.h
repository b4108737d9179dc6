// Splits a prompt that is encoded as one text into pieces.
#pragma once

#include <vector>

#include "prompt/prompt.h"

namespace rerank {

// Cuts before the field of the query and before that of the document, in either order, so that everything
// before a cut can be shared. A cut is as late as possible, at a position in the words where byte-level
// pre-tokenizers (GPT-2's, Qwen's, Llama 3's, GPT-4o's) split regardless of the texts:
//   - between a printable ASCII character and a space,
//   - between an ASCII letter or digit and a newline,
//   - after a newline between two printable ASCII characters, unless the second is a slash.
// If there is no such position, there is no cut. The result is still correct but shares nothing, and query
// and document may be in one piece, which a Prompt does not allow: see separates_pair.
// REQUIRES: the tokenizer has such a pre-tokenizer; no control token in the words contains white space or
// strips the white space after it.
std::vector<PromptPiece> split_prompt(const std::vector<PromptText>& whole);

// Whether query and document are in separate pieces.
bool separates_pair(const std::vector<PromptPiece>& pieces);

inline constexpr char kNoPlaceBetweenPair[] =
    "has no place between query and document where every tokenizer splits; put a line of its own before the "
    "second, such as \"\\nDocument: \"";

// The same texts, with neighbours merged if only words are between them, and without empty texts.
std::vector<PromptText> joined_texts(const std::vector<PromptText>& texts);

}  // namespace rerank
