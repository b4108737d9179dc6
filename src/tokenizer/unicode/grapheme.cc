#include "tokenizer/unicode/grapheme.h"

#include <algorithm>
#include <vector>

#include "base/utf8.h"
#include "tokenizer/unicode/unicode_category.h"

namespace rerank {
namespace {

using Kind = GraphemeKind;

bool is_control(Kind kind) {
  return kind == Kind::kCr || kind == Kind::kLf || kind == Kind::kControl;
}

bool extends(Kind kind) {
  return kind == Kind::kExtend || kind == Kind::kLinker || kind == Kind::kZwnj || kind == Kind::kZwj;
}

// GB6 to GB8.
bool joins_hangul(Kind before, Kind after) {
  switch (before) {
    case Kind::kL:
      return after == Kind::kL || after == Kind::kV || after == Kind::kLv || after == Kind::kLvt;
    case Kind::kLv:
    case Kind::kV:
      return after == Kind::kV || after == Kind::kT;
    case Kind::kLvt:
    case Kind::kT:
      return after == Kind::kT;
    default:
      return false;
  }
}

// The context that determines whether the next code point extends the cluster, besides the last code point.
struct Cluster {
  Kind last;
  int num_regional = 0;
  // GB11: a pictograph, extended, ending in a joiner.
  bool has_pictograph = false;
  // GB9c: a consonant, extended, with a linker in between.
  bool has_consonant = false;
  bool has_linker = false;

  explicit Cluster(Kind first) : last(first) { take(first); }

  void take(Kind next) {
    last = next;
    if (next == Kind::kRegional) ++num_regional;
    has_pictograph = next == Kind::kPictographic || (has_pictograph && extends(next));
    const bool goes_on = extends(next) && next != Kind::kZwnj;
    has_linker = has_consonant && goes_on && (has_linker || next == Kind::kLinker);
    has_consonant = next == Kind::kConsonant || (has_consonant && goes_on);
  }

  bool takes(Kind next) const {
    if (last == Kind::kCr) return next == Kind::kLf;
    if (is_control(last) || is_control(next)) return false;
    if (extends(next) || next == Kind::kSpacingMark || last == Kind::kPrepend) return true;
    if (next == Kind::kConsonant && has_linker) return true;
    if (next == Kind::kPictographic && last == Kind::kZwj && has_pictograph) return true;
    if (next == Kind::kRegional && last == Kind::kRegional) return num_regional % 2 == 1;
    return joins_hangul(last, next);
  }
};

}  // namespace

GraphemeKind grapheme_kind(char32_t code_point) {
  constexpr char32_t kFirstSyllable = 0xAC00, kSyllablesEnd = 0xD7A4, kFinals = 28;
  static const std::vector<uint8_t> kKinds = [] {
    std::vector<uint8_t> kinds(kCodePointEnd);
    for (size_t i = 0; i < kGraphemeTable.size(); ++i) {
      const uint32_t end = i + 1 < kGraphemeTable.size() ? kGraphemeTable[i + 1] >> 5 : kCodePointEnd;
      std::fill(kinds.begin() + (kGraphemeTable[i] >> 5), kinds.begin() + end,
                static_cast<uint8_t>(kGraphemeTable[i] & 31));
    }
    for (char32_t c = kFirstSyllable; c < kSyllablesEnd; ++c) {
      if ((c - kFirstSyllable) % kFinals != 0) kinds[c] = static_cast<uint8_t>(Kind::kLvt);
    }
    return kinds;
  }();
  return static_cast<Kind>(kKinds[code_point]);
}

size_t grapheme_end(std::string_view text, size_t at) {
  Cluster cluster(grapheme_kind(next_code_point(text, at)));
  while (at < text.size()) {
    size_t after = at;
    const Kind next = grapheme_kind(next_code_point(text, after));
    if (!cluster.takes(next)) break;
    cluster.take(next);
    at = after;
  }
  return at;
}

bool always_break_between(GraphemeKind before, GraphemeKind after) {
  if (before == Kind::kCr) return after != Kind::kLf;
  if (is_control(before) || is_control(after)) return true;
  if (extends(before) || before == Kind::kPrepend || before == Kind::kRegional) return false;
  return !extends(after) && after != Kind::kSpacingMark && !joins_hangul(before, after);
}

}  // namespace rerank
