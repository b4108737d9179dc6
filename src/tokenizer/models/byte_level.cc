// GPT-2's table: printable bytes map to themselves, the 68 others to characters from U+0100 on, in order.
#include "tokenizer/models/byte_level.h"

#include <array>

#include "base/utf8.h"

namespace rerank {
namespace {

constexpr char32_t kFirstStandIn = 0x100;
constexpr char32_t kAlphabetEnd = kFirstStandIn + 68;

constexpr bool is_printable(unsigned byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

struct Alphabet {
  std::array<char32_t, 256> character{};
  std::array<int16_t, kAlphabetEnd> byte{};  // -1: not in the alphabet
};

constexpr Alphabet make_alphabet() {
  Alphabet alphabet;
  for (int16_t& byte : alphabet.byte) byte = -1;
  char32_t next = kFirstStandIn;
  for (unsigned byte = 0; byte < 256; ++byte) {
    char32_t character = is_printable(byte) ? byte : next++;
    alphabet.character[byte] = character;
    alphabet.byte[character] = static_cast<int16_t>(byte);
  }
  return alphabet;
}

constexpr Alphabet kAlphabet = make_alphabet();

}  // namespace

char32_t byte_level_character(uint8_t byte) {
  return kAlphabet.character[byte];
}

std::optional<std::string> byte_level_bytes(std::string_view written) {
  std::string bytes;
  bytes.reserve(written.size());
  for (size_t at = 0; at < written.size();) {
    char32_t character = next_code_point(written, at);
    if (character >= kAlphabetEnd || kAlphabet.byte[character] < 0) return std::nullopt;
    bytes += static_cast<char>(kAlphabet.byte[character]);
  }
  return bytes;
}

std::string byte_level_written(std::string_view bytes) {
  std::string written;
  for (char byte : bytes) append_utf8(byte_level_character(static_cast<uint8_t>(byte)), written);
  return written;
}

}  // namespace rerank
