// The regular expressions of Split pre-tokenizers, as the Hugging Face library's engine (Oniguruma) reads
// them. Knows the constructs that mean the same in PCRE2 once characters are sets of code points; matching is
// split_regex.h's.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/unicode/code_point_set.h"

namespace rerank {

struct SplitPattern {
  // A bit of syntax that PCRE2 reads alike, or, if it is empty, one code point of sets[set].
  struct Piece {
    std::string syntax;
    size_t set = 0;
  };
  std::vector<Piece> pieces;
  std::vector<CodePointSet> sets;  // at most SymbolAlphabet::kMaxSets
};

// Throws Error{kUnsupported} that quotes the construct and says where it is, for anything whose meaning is
// not known to be the same, and for a pattern that matches the empty string. REQUIRES: pattern is valid
// UTF-8.
SplitPattern parse_split_pattern(std::string_view pattern);

}  // namespace rerank
