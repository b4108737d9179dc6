// Parses the regular expressions of Split pre-tokenizers as the Hugging Face library's engine (Oniguruma)
// does. It accepts constructs that mean the same in PCRE2 once characters are sets of code points.
// split_regex.h matches them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/unicode/code_point_set.h"

namespace rerank {

struct SplitPattern {
  // Syntax that PCRE2 interprets in the same way, or, if empty, one code point of sets[set].
  struct Piece {
    std::string syntax;
    size_t set = 0;
  };
  std::vector<Piece> pieces;
  std::vector<CodePointSet> sets;  // at most SymbolAlphabet::kMaxSets
};

// Throws Error{kUnsupported} that quotes the construct and its position, for anything that may have a
// different meaning, and for a pattern that matches the empty string. REQUIRES: pattern is valid UTF-8.
SplitPattern parse_split_pattern(std::string_view pattern);

}  // namespace rerank
