// BPE with byte fallback, as SentencePiece calls it: starts from characters, or from the bytes of a character
// that the vocabulary lacks. Text is not cut into words first; this file finds where it can still be cut.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/utf8.h"
#include "tokenizer/models/vocabulary.h"

namespace rerank {

// The byte of a token written like "<0x0A>".
std::optional<unsigned char> byte_of_token(std::string_view written);

// Appends the symbols of a text from which merging starts, one for each character or byte. REQUIRES: byte_ids
// has all bytes of UTF-8.
void append_symbols(std::string_view text, const Vocabulary& vocabulary,
                    const std::array<std::int32_t, 256>& byte_ids, std::vector<std::int32_t>& symbols);

// The pairs of neighbouring characters that some merge joins. No token spans any other pair, and the ids on
// its two sides do not depend on each other, so a text can be cut there.
class CharacterJoins {
 public:
  // Reserves memory for `num_pairs` pairs.
  explicit CharacterJoins(size_t num_pairs = 0);

  void add(char32_t left, char32_t right);

  bool holds(char32_t left, char32_t right) const {
    if (left < kAscii && right < kAscii) return ascii_[left * kAscii + right];
    const std::uint64_t key = key_of(left, right);
    for (size_t slot = slot_of(key);; slot = (slot + 1) & mask_) {
      if (slots_[slot] == key) return true;
      if (slots_[slot] == kEmpty) return false;
    }
  }

  // Visits the pieces of `text` that are the same in all texts that begin with it, and returns their total
  // bytes. The last piece of the text is left.
  template <typename Visit>
  size_t split_settled(std::string_view text, const Visit& visit) const {
    if (text.empty()) return 0;
    size_t begin = 0;
    size_t at = 0;
    for (char32_t left = next_code_point(text, at); at < text.size();) {
      const size_t border = at;
      const char32_t right = next_code_point(text, at);
      if (!holds(left, right)) {
        visit(text.substr(begin, border - begin));
        begin = border;
      }
      left = right;
    }
    return begin;
  }

 private:
  static constexpr size_t kAscii = 128;
  static constexpr std::uint64_t kEmpty = UINT64_MAX;

  static std::uint64_t key_of(char32_t left, char32_t right) {
    return std::uint64_t{left} << 32 | std::uint64_t{right};
  }
  size_t slot_of(std::uint64_t key) const { return ((key ^ key >> 29) * 0x9E3779B97F4A7C15u) >> 32 & mask_; }

  std::bitset<kAscii * kAscii> ascii_;
  std::vector<std::uint64_t> slots_;  // open addressing, a power of two
  size_t mask_;
};

}  // namespace rerank
