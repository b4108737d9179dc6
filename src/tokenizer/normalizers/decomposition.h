// The canonical decomposition of a few code points, in canonical order, as Unicode 9.0 has it: what
// normalization to NFC begins with and stripping accents does.
#pragma once

#include <string_view>
#include <vector>

#include "tokenizer/normalizers/nfc_table.h"

namespace rerank {

struct DecomposedPoint {
  char32_t code;
  int change;         // by how many it makes the text longer: 1 for what a decomposition adds, else 0
  size_t begin, end;  // the code point that it comes of
};

NfcKind nfc_kind(char32_t code_point);

// 0 of what moves before nothing. REQUIRES: the code point is known to Unicode 9.0, as all are that nfc_kind
// does not call inert.
int combining_class(char32_t code_point);

// Appends what `run` decomposes to. REQUIRES: run is valid UTF-8 without inert code points but for ASCII, at
// most one base, then only code points that react.
void decompose(std::string_view run, std::vector<DecomposedPoint>& points);

}  // namespace rerank
