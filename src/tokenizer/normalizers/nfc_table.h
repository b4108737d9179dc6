// The table behind nfc.h: the code points that matter for normalization to NFC in Unicode 9.0.
#pragma once

#include <cstdint>

namespace rerank {

enum class NfcKind : uint8_t {
  kInert,   // never changes, composes or moves; includes code points newer than Unicode 9.0
  kBase,    // a starter, already normalized, that may compose with what follows
  kReacts,  // may change, compose with the previous code point or move before it
};

struct NfcRange {
  char32_t first;
  char32_t last;
  NfcKind kind;
};

// Ascending; code points that are not listed are kInert.
extern const NfcRange kNfcTable[448];

}  // namespace rerank
