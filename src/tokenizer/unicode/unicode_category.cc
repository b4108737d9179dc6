// Looks up unicode_category_table.cc, and adds the few properties that categories do not determine.
#include "tokenizer/unicode/unicode_category.h"

#include <algorithm>

namespace rerank {
namespace {

constexpr uint32_t kUpperFirst = 30;
constexpr uint32_t kCodeMask = 31;

// The category of the code point `distance` steps into a run of this code.
Category resolve(uint32_t code, char32_t distance) {
  if (code < kUpperFirst) return static_cast<Category>(code);
  return (code - kUpperFirst + distance) % 2 == 0 ? Category::kLu : Category::kLl;
}

}  // namespace

std::vector<CategoryRange> category_ranges() {
  std::vector<CategoryRange> ranges;
  ranges.reserve(2 * kCategoryTable.size());
  for (size_t i = 0; i < kCategoryTable.size(); ++i) {
    char32_t first = kCategoryTable[i] >> 5;
    char32_t end = i + 1 < kCategoryTable.size() ? kCategoryTable[i + 1] >> 5 : kCodePointEnd;
    uint32_t code = kCategoryTable[i] & kCodeMask;
    if (code < kUpperFirst) {
      ranges.push_back({first, end - 1, resolve(code, 0)});
    } else {
      for (char32_t c = first; c < end; ++c) ranges.push_back({c, c, resolve(code, c - first)});
    }
  }
  return ranges;
}

Category category_of(char32_t code_point) {
  auto after = std::upper_bound(kCategoryTable.begin(), kCategoryTable.end(), code_point << 5 | kCodeMask);
  uint32_t entry = *(after - 1);
  return resolve(entry & kCodeMask, code_point - (entry >> 5));
}

bool is_white_space(char32_t code_point) {
  switch (code_point) {
    case 0x20:
    case 0x85:
    case 0xA0:
    case 0x1680:
    case 0x2028:
    case 0x2029:
    case 0x202F:
    case 0x205F:
    case 0x3000:
      return true;
    default:
      return (code_point >= 0x09 && code_point <= 0x0D) || (code_point >= 0x2000 && code_point <= 0x200A);
  }
}

bool is_word(char32_t code_point) {
  Category category = category_of(code_point);
  if (category <= Category::kNl) return true;  // L, M, Nd, Nl
  if (category == Category::kPc || code_point == 0x200C || code_point == 0x200D) return true;
  // Other_Alphabetic code points in other categories: circled and squared Latin letters.
  return (code_point >= 0x24B6 && code_point <= 0x24E9) || (code_point >= 0x1F130 && code_point <= 0x1F149) ||
         (code_point >= 0x1F150 && code_point <= 0x1F169) || (code_point >= 0x1F170 && code_point <= 0x1F189);
}

}  // namespace rerank
