// Sets of code points, and the alphabet of byte symbols in which a handful of such sets can be told apart.
// This is how a byte-wise regular expression engine comes to work on Unicode by our tables instead of its
// own.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tokenizer/unicode/unicode_category.h"

namespace rerank {

// The union of its parts, or the complement of that.
struct CodePointSet {
  // A range, the code points of some categories, or white space; or the complement of that.
  struct Part {
    char32_t first = 1;  // first > last: no range
    char32_t last = 0;
    uint32_t categories = 0;  // bit 1 << Category
    bool white_space = false;
    bool negated = false;

    bool operator==(const Part&) const = default;
  };

  std::vector<Part> parts;
  bool negated = false;

  bool contains(char32_t code_point, Category category) const;
  bool operator==(const CodePointSet&) const = default;
};

// Maps every code point to one byte, so that two code points share a byte only if no set tells them apart.
// ASCII maps to itself, so ASCII text need not be mapped.
class SymbolAlphabet {
 public:
  static constexpr size_t kMaxSets = 64;

  // Throws std::length_error if the sets tell more than 128 kinds of code points beyond ASCII apart.
  // REQUIRES: sets.size() <= kMaxSets.
  explicit SymbolAlphabet(const std::vector<CodePointSet>& sets);

  uint8_t symbol(char32_t code_point) const { return symbols_[code_point]; }

  // The bytes that stand for the code points of sets[index], as a PCRE2 character class; empty if there are
  // none.
  std::string byte_class(size_t index) const;

 private:
  std::vector<uint8_t> symbols_;       // [kCodePointEnd]
  std::vector<uint64_t> memberships_;  // [number of symbols], bit 1 << index of a set
};

}  // namespace rerank
