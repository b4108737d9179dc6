// Boundaries of extended grapheme clusters (UAX #29) in Unicode 16.0, the version in the Hugging Face
// tokenizers package (0.23).
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace rerank {

// In the order of tools/unicode_tables.py.
enum class GraphemeKind : uint8_t {
  kOther,
  kCr,
  kLf,
  kControl,
  kExtend,
  kLinker,  // of Indic conjuncts; extends
  kZwnj,    // extends
  kZwj,     // extends
  kRegional,
  kPrepend,
  kSpacingMark,
  kL,
  kV,
  kT,
  kLv,  // Hangul syllables; the table does not distinguish kLv and kLvt, see grapheme_kind
  kLvt,
  kPictographic,
  kConsonant,  // of Indic conjuncts
};

// One entry per run, ascending: first code point << 5 | kind.
extern const std::array<uint32_t, 1375> kGraphemeTable;

// REQUIRES: code_point < kCodePointEnd.
GraphemeKind grapheme_kind(char32_t code_point);

// The end of the cluster that begins at `at`. REQUIRES: text is valid UTF-8, at < text.size(), and a cluster
// begins there.
size_t grapheme_end(std::string_view text, size_t at);

// Whether there is a boundary between two such neighbours in any context. May return false even if there
// always is one.
bool always_break_between(GraphemeKind before, GraphemeKind after);

}  // namespace rerank
