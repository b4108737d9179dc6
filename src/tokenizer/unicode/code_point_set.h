// Sets of code points, and an alphabet of byte symbols that distinguishes a handful of them. It lets a
// byte-wise regular expression engine match Unicode by our tables instead of its own.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tokenizer/unicode/unicode_category.h"

namespace rerank {

// The union of its parts, or its complement.
struct CodePointSet {
  // A range, some categories, or white space; or the complement of these.
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

// Maps every code point to one byte. Code points share a byte only if they are in the same sets. ASCII maps
// to itself, so ASCII text need not be mapped.
class SymbolAlphabet {
 public:
  static constexpr size_t kMaxSets = 64;

  // Throws std::length_error if the sets distinguish more than 128 classes of non-ASCII code points.
  // REQUIRES: sets.size() <= kMaxSets.
  explicit SymbolAlphabet(const std::vector<CodePointSet>& sets);

  uint8_t symbol(char32_t code_point) const { return symbols_[code_point]; }

  // The bytes for the code points of sets[index], as a PCRE2 character class; empty if there are none.
  std::string byte_class(size_t index) const;

 private:
  std::vector<uint8_t> symbols_;       // [kCodePointEnd]
  std::vector<uint64_t> memberships_;  // [number of symbols], bit 1 << index of a set
};

}  // namespace rerank
