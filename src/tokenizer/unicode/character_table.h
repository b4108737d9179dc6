// The data behind character_flags.h, as the Hugging Face tokenizers package (0.23) has it.
#pragma once

#include <cstdint>

namespace rerank {

struct CodePointRange {
  char32_t first;
  char32_t last;
};

// Every `step`th code point from first to last becomes itself plus `change` in lower case.
struct LowercaseRange {
  char32_t first;
  char32_t last;
  char32_t step;
  int32_t change;
};

// Each ascending.
extern const CodePointRange kControlTable[25];  // what BertNormalizer's clean_text removes
extern const CodePointRange kMarkTable[266];    // what its strip_accents removes
extern const CodePointRange kPunctuationTable[156];
extern const LowercaseRange kLowercaseTable[185];  // without U+0130

}  // namespace rerank
