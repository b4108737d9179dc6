// The pieces of a prompt that is encoded as one text.
#pragma once

#include <vector>

#include "prompt/prompt.h"

namespace rerank {

// Cuts before what holds the query and before what holds the document, in either order, so that what comes
// before can be shared: as late as the words have a place where byte-level pre-tokenizers (GPT-2's, Qwen's,
// Llama 3's, GPT-4o's) split whatever the texts are:
//   - between a printing ASCII character and a space,
//   - between an ASCII letter or digit and a newline,
//   - after a newline between two printing ASCII characters, the second not a slash.
// Where the words have no such place, there is no cut: right as well, but nothing is shared, and query and
// document may end up in one piece, which is no Prompt: see separates_pair.
// REQUIRES: a tokenizer with such a pre-tokenizer; no control token in the words holds white space, or eats
// that after it.
std::vector<PromptPiece> split_prompt(const std::vector<PromptText>& whole);

// Query and document are in pieces of their own.
bool separates_pair(const std::vector<PromptPiece>& pieces);

inline constexpr char kNoPlaceBetweenPair[] =
    "has no place between query and document where every tokenizer splits; put a line of its own before the "
    "second, such as \"\\nDocument: \"";

// The same texts with neighbours put together where only words are between them; no text without words and
// field.
std::vector<PromptText> joined_texts(const std::vector<PromptText>& texts);

}  // namespace rerank
