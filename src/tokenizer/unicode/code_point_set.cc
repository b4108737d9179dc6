// Membership in sets, and the partition of all code points into classes that are in the same sets.
#include "tokenizer/unicode/code_point_set.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <stdexcept>

#include "rerank/error.h"

namespace rerank {
namespace {

constexpr char32_t kAsciiEnd = 0x80;
constexpr size_t kMaxSymbols = 256;

// The code points at which the category or membership in some set may change, ascending; the first is 0.
std::vector<char32_t> borders_of(const std::vector<CategoryRange>& ranges,
                                 const std::vector<CodePointSet>& sets) {
  std::vector<char32_t> borders = {0x85,   0x86,   0xA0,   0xA1,   0x1680, 0x1681, 0x2000, 0x200B, 0x2028,
                                   0x202A, 0x202F, 0x2030, 0x205F, 0x2060, 0x3000, 0x3001};  // white space
  for (char32_t c = 0; c <= kAsciiEnd; ++c) borders.push_back(c);
  for (const CategoryRange& range : ranges) borders.push_back(range.first);
  for (const CodePointSet& set : sets) {
    for (const CodePointSet::Part& part : set.parts) {
      if (part.first > part.last) continue;
      borders.push_back(part.first);
      if (part.last + 1 < kCodePointEnd) borders.push_back(part.last + 1);
    }
  }
  std::sort(borders.begin(), borders.end());
  borders.erase(std::unique(borders.begin(), borders.end()), borders.end());
  return borders;
}

uint64_t membership_of(char32_t code_point, Category category, const std::vector<CodePointSet>& sets) {
  uint64_t membership = 0;
  for (size_t i = 0; i < sets.size(); ++i) {
    if (sets[i].contains(code_point, category)) membership |= uint64_t{1} << i;
  }
  return membership;
}

}  // namespace

bool CodePointSet::contains(char32_t code_point, Category category) const {
  auto is_in = [&](const Part& part) {
    bool in = (code_point >= part.first && code_point <= part.last) ||
              (part.categories >> static_cast<unsigned>(category) & 1) != 0 ||
              (part.white_space && is_white_space(code_point));
    return in != part.negated;
  };
  return std::any_of(parts.begin(), parts.end(), is_in) != negated;
}

SymbolAlphabet::SymbolAlphabet(const std::vector<CodePointSet>& sets) : symbols_(kCodePointEnd) {
  check(sets.size() <= kMaxSets, "too many sets for one alphabet");
  std::vector<CategoryRange> ranges = category_ranges();
  std::vector<char32_t> borders = borders_of(ranges, sets);
  std::map<uint64_t, uint8_t> symbol_of;  // beyond ASCII
  auto range = ranges.begin();
  for (size_t i = 0; i < borders.size(); ++i) {
    char32_t first = borders[i];
    char32_t end = i + 1 < borders.size() ? borders[i + 1] : kCodePointEnd;
    while (range->last < first) ++range;
    uint64_t membership = membership_of(first, range->category, sets);
    uint8_t symbol = 0;
    if (first < kAsciiEnd) {
      symbol = static_cast<uint8_t>(memberships_.size());
      memberships_.push_back(membership);
    } else if (auto known = symbol_of.find(membership); known != symbol_of.end()) {
      symbol = known->second;
    } else {
      if (memberships_.size() == kMaxSymbols) throw std::length_error("too many kinds of code points");
      symbol = symbol_of[membership] = static_cast<uint8_t>(memberships_.size());
      memberships_.push_back(membership);
    }
    std::fill(symbols_.begin() + first, symbols_.begin() + end, symbol);
  }
}

std::string SymbolAlphabet::byte_class(size_t index) const {
  std::string members;
  for (size_t symbol = 0; symbol < memberships_.size(); ++symbol) {
    if (memberships_[symbol] >> index & 1) members += fmt::format("\\x{:02x}", symbol);
  }
  return members.empty() ? members : "[" + members + "]";
}

}  // namespace rerank
