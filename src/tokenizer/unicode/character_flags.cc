#include "tokenizer/unicode/character_flags.h"

#include <algorithm>
#include <iterator>

#include "base/utf8.h"
#include "tokenizer/unicode/character_table.h"
#include "tokenizer/unicode/unicode_category.h"

namespace rerank {
namespace {

constexpr char32_t kDottedCapitalI = 0x130;

// The blocks listed in BERT's code.
constexpr CodePointRange kIdeographs[] = {{0x3400, 0x4DBF},   {0x4E00, 0x9FFF},   {0xF900, 0xFAFF},
                                          {0x20000, 0x2A6DF}, {0x2A700, 0x2B81F}, {0x2B920, 0x2CEAF},
                                          {0x2F800, 0x2FA1F}};

}  // namespace

CharacterFlags::CharacterFlags() : flags_(kCodePointEnd) {
  const auto set = [this](char32_t first, char32_t last, char32_t step, Flag flag) {
    for (char32_t c = first; c <= last; c += step) flags_[c] = static_cast<uint8_t>(flags_[c] | flag);
  };
  const auto set_all = [&set](const auto& ranges, Flag flag) {
    for (const CodePointRange& range : ranges) set(range.first, range.last, 1, flag);
  };
  set_all(kControlTable, kBertControl);
  set_all(kIdeographs, kIdeograph);
  set_all(kMarkTable, kNonspacingMark);
  set_all(kPunctuationTable, kBertPunctuation);
  for (const LowercaseRange& range : kLowercaseTable) set(range.first, range.last, range.step, kUppercase);
  set(kDottedCapitalI, kDottedCapitalI, 1, kUppercase);
  for (char32_t c = 0; c <= 0x3000; ++c) {  // the last of them
    if (is_white_space(c)) set(c, c, 1, kWhiteSpace);
  }
}

const CharacterFlags& CharacterFlags::shared() {
  static const CharacterFlags kFlags;
  return kFlags;
}

void append_lowercase(char32_t code_point, std::string& out) {
  if (code_point == kDottedCapitalI) {
    out += "i\u0307";
    return;
  }
  const auto after = std::ranges::upper_bound(kLowercaseTable, code_point, {}, &LowercaseRange::first);
  if (after != std::begin(kLowercaseTable)) {
    const LowercaseRange& range = *std::prev(after);
    if (code_point <= range.last && (code_point - range.first) % range.step == 0) {
      code_point = static_cast<char32_t>(static_cast<int32_t>(code_point) + range.change);
    }
  }
  append_utf8(code_point, out);
}

}  // namespace rerank
