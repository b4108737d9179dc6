// UTF-8, one code point at a time: what is well-formed, and which code points it is. No normalization, no
// properties.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace rerank {

inline bool is_ascii(char byte) {
  return static_cast<unsigned char>(byte) < 0x80;
}

// The first place at or after `at` that holds no ASCII byte; text.size() if there is none.
inline size_t skip_ascii(std::string_view text, size_t at) {
  for (; at + 8 <= text.size(); at += 8) {
    uint64_t eight;
    std::memcpy(&eight, text.data() + at, sizeof eight);
    if (eight & 0x8080808080808080u) break;
  }
  while (at < text.size() && is_ascii(text[at])) ++at;
  return at;
}

// The offset of the first byte that begins no well-formed sequence (Unicode's table 3-7: no surrogates,
// nothing overlong, nothing above U+10FFFF); text.size() if there is none.
size_t first_invalid_utf8(std::string_view text);

// The text with U+FFFD in place of each longest stretch that begins a well-formed sequence and breaks off,
// and of each other byte that belongs to none (Unicode's recommended practice).
std::string replace_invalid_utf8(std::string text);

// The length in bytes of the sequence that this byte leads. REQUIRES: it leads one.
inline size_t sequence_bytes(char lead) {
  auto byte = static_cast<unsigned char>(lead);
  return byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}

// Where the last code point, or what there is of it, begins; 0 if text is empty. REQUIRES: text is valid
// UTF-8 but for an end that is cut off.
inline size_t last_code_point(std::string_view text) {
  size_t at = text.size();
  while (at > 0) {
    --at;
    if ((static_cast<unsigned char>(text[at]) & 0xC0) != 0x80) break;
  }
  return at;
}

// The code point at `at`, which moves past it. REQUIRES: text is valid UTF-8, at < text.size() is where one
// begins.
inline char32_t next_code_point(std::string_view text, size_t& at) {
  auto byte = [&](size_t i) { return static_cast<char32_t>(static_cast<unsigned char>(text[at + i])); };
  char32_t lead = byte(0);
  char32_t point = lead;
  size_t length = sequence_bytes(text[at]);
  if (length == 2) point = (lead & 0x1F) << 6 | (byte(1) & 0x3F);
  if (length == 3) point = (lead & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F);
  if (length == 4) {
    point = (lead & 0x07) << 18 | (byte(1) & 0x3F) << 12 | (byte(2) & 0x3F) << 6 | (byte(3) & 0x3F);
  }
  at += length;
  return point;
}

// The code point that ends just before `at`. REQUIRES: text is valid UTF-8, at > 0.
char32_t previous_code_point(std::string_view text, size_t at);

void append_utf8(char32_t code_point, std::string& out);

struct TextCharacter {
  std::int32_t code_point = -1;  // negative: the first byte begins no well-formed sequence
  std::size_t num_bytes = 1;
};

// The one at the start of `text`, which may be any bytes. REQUIRES: text is not empty.
TextCharacter first_character(std::string_view text);

}  // namespace rerank
