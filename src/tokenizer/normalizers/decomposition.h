// Canonical decomposition in canonical order (Unicode 9.0), the first step of NFC and of stripping accents.
#pragma once

#include <string_view>
#include <vector>

#include "tokenizer/normalizers/nfc_table.h"

namespace rerank {

struct DecomposedPoint {
  char32_t code;
  int change;         // 1 if added by a decomposition, otherwise 0
  size_t begin, end;  // the original code point
};

NfcKind nfc_kind(char32_t code_point);

// 0 for starters. REQUIRES: the code point is in Unicode 9.0, as is every one whose nfc_kind is not inert.
int combining_class(char32_t code_point);

// Appends the decomposition of `run`. REQUIRES: run is valid UTF-8, without inert code points except ASCII:
// at most one base, followed only by code points that react.
void decompose(std::string_view run, std::vector<DecomposedPoint>& points);

}  // namespace rerank
