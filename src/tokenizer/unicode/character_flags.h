// Character classes of normalizers and pre-tokenizers other than regular expressions, in one look-up per code
// point.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace rerank {

// Safe from any number of threads at once.
class CharacterFlags {
 public:
  enum Flag : uint8_t {
    kWhiteSpace = 1 << 0,
    kBertControl = 1 << 1,      // removed by BertNormalizer's clean_text
    kIdeograph = 1 << 2,        // surrounded with spaces by its handle_chinese_chars
    kNonspacingMark = 1 << 3,   // removed by its strip_accents
    kUppercase = 1 << 4,        // has a different lower case form
    kBertPunctuation = 1 << 5,  // a word of its own for BertPreTokenizer
  };

  static const CharacterFlags& shared();

  // REQUIRES: code_point < kCodePointEnd.
  bool has(char32_t code_point, unsigned flags) const { return (flags_[code_point] & flags) != 0; }

 private:
  CharacterFlags();

  std::vector<uint8_t> flags_;  // [kCodePointEnd]
};

// Appends the lower case form of Rust's char::to_lowercase: one code point, except for U+0130.
void append_lowercase(char32_t code_point, std::string& out);

}  // namespace rerank
