#include "api/utf8_text.h"

#include <cstdint>
#include <cstring>

#include "base/shown_text.h"

namespace rerank::api {
namespace {

// Bytes of the character that `text` starts with; 0 where it starts with none.
std::size_t character_bytes(std::string_view text) {
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  const std::size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < size) return 0;
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  const bool is_overlong = (lead == 0xe0 && byte(1) < 0xa0) || (lead == 0xf0 && byte(1) < 0x90);
  const bool is_surrogate = lead == 0xed && byte(1) >= 0xa0;
  const bool is_above_unicode = lead == 0xf4 && byte(1) >= 0x90;
  return is_overlong || is_surrogate || is_above_unicode ? 0 : size;
}

// Of eight bytes.
bool are_ascii(const char* bytes) {
  std::uint64_t word = 0;
  std::memcpy(&word, bytes, sizeof word);
  return (word & 0x8080808080808080) == 0;
}

}  // namespace

std::size_t valid_utf8_prefix(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    if (at + 8 <= text.size() && are_ascii(text.data() + at)) {
      at += 8;
      continue;
    }
    const std::size_t size = character_bytes(text.substr(at));
    if (size == 0) break;
    at += size;
  }
  return at;
}

std::string shown(std::string_view text) {
  return shown_text(text, 100);
}

}  // namespace rerank::api
