// The tokens of a text and where they are in it.
#pragma once

#include <string_view>
#include <vector>

#include "rerank/types.h"
#include "tokenizer/tokenizer_impl.h"

namespace rerank {

// See Tokenizer::pieces. REQUIRES: text is valid UTF-8.
std::vector<TokenPiece> find_pieces(const Tokenizer::Impl& tokenizer, std::string_view text,
                                    SpecialTokens special);

}  // namespace rerank
