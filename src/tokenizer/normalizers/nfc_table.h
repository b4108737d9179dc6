// The data behind nfc.h: which code points normalization to NFC has to look at, in Unicode 9.0.
#pragma once

#include <cstdint>

namespace rerank {

enum class NfcKind : uint8_t {
  kInert,   // neither changes nor composes nor moves; every code point newer than Unicode 9.0
  kBase,    // a starter, final as it stands, that may compose with what follows
  kReacts,  // may change, compose with what precedes or move before it
};

struct NfcRange {
  char32_t first;
  char32_t last;
  NfcKind kind;
};

// Ascending; what lies between is kInert.
extern const NfcRange kNfcTable[448];

}  // namespace rerank
