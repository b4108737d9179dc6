// Where one grapheme cluster ends and the next begins (Unicode's annex 29, extended clusters), by
// Unicode 16.0, the version that the Hugging Face tokenizers package (0.23) has.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace rerank {

// The order is that of tools/unicode_tables.py.
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
  kLv,  // a Hangul syllable with or without a final consonant: in the table one kind, see grapheme_kind
  kLvt,
  kPictographic,
  kConsonant,  // of Indic conjuncts
};

// One entry for each run, ascending: first code point << 5 | kind.
extern const std::array<uint32_t, 1375> kGraphemeTable;

// REQUIRES: code_point < kCodePointEnd.
GraphemeKind grapheme_kind(char32_t code_point);

// Where the cluster that begins at `at` ends. REQUIRES: text is valid UTF-8, at < text.size() begins a code
// point; a cluster begins there.
size_t grapheme_end(std::string_view text, size_t at);

// Whether a cluster ends between two such neighbours whatever is before and behind them; may say no where
// one always does.
bool always_break_between(GraphemeKind before, GraphemeKind after);

}  // namespace rerank
