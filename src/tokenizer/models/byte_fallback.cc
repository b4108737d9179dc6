#include "tokenizer/models/byte_fallback.h"

#include <bit>

namespace rerank {

std::optional<unsigned char> byte_of_token(std::string_view written) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  if (written.size() != 6 || !written.starts_with("<0x") || written.back() != '>') return std::nullopt;
  const size_t high = kDigits.find(written[3]);
  const size_t low = kDigits.find(written[4]);
  if (high == std::string_view::npos || low == std::string_view::npos) return std::nullopt;
  return static_cast<unsigned char>(16 * high + low);
}

void append_symbols(std::string_view text, const Vocabulary& vocabulary,
                    const std::array<std::int32_t, 256>& byte_ids, std::vector<std::int32_t>& symbols) {
  for (size_t at = 0; at < text.size();) {
    const std::string_view character = text.substr(at, sequence_bytes(text[at]));
    at += character.size();
    const std::int32_t id = vocabulary.find(character);
    if (id >= 0) {
      symbols.push_back(id);
      continue;
    }
    for (const char byte : character) symbols.push_back(byte_ids[static_cast<unsigned char>(byte)]);
  }
}

CharacterJoins::CharacterJoins(size_t num_pairs)
    : slots_(std::bit_ceil(2 * num_pairs + 2), kEmpty), mask_(slots_.size() - 1) {}

void CharacterJoins::add(char32_t left, char32_t right) {
  if (left < kAscii && right < kAscii) {
    ascii_.set(left * kAscii + right);
    return;
  }
  const std::uint64_t key = key_of(left, right);
  size_t slot = slot_of(key);
  while (slots_[slot] != kEmpty && slots_[slot] != key) slot = (slot + 1) & mask_;
  slots_[slot] = key;
}

}  // namespace rerank
