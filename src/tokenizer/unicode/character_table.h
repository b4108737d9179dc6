// The tables behind character_flags.h, as in the Hugging Face tokenizers package (0.23).
#pragma once

#include <cstdint>

namespace rerank {

struct CodePointRange {
  char32_t first;
  char32_t last;
};

// Every `step`th code point from first to last has the lower case form itself plus `change`.
struct LowercaseRange {
  char32_t first;
  char32_t last;
  char32_t step;
  int32_t change;
};

// Each table is ascending.
extern const CodePointRange kControlTable[25];  // what BertNormalizer's clean_text removes
extern const CodePointRange kMarkTable[266];    // what its strip_accents removes
extern const CodePointRange kPunctuationTable[156];
extern const LowercaseRange kLowercaseTable[185];  // without U+0130

}  // namespace rerank
