#include "base/text_character.h"

namespace rerank {

TextCharacter first_character(std::string_view text) {
  const auto byte = [&](std::size_t index) { return static_cast<unsigned char>(text[index]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  const std::size_t length = lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 0;
  if (length == 0 || length > text.size()) return {};
  std::int32_t code_point = lead & (0xFF >> (length + 1));
  for (std::size_t index = 1; index < length; ++index) {
    if ((byte(index) & 0xC0) != 0x80) return {};
    code_point = code_point << 6 | (byte(index) & 0x3F);
  }
  const bool is_overlong = (length == 3 && code_point < 0x800) || (length == 4 && code_point < 0x10000);
  const bool is_surrogate = code_point >= 0xD800 && code_point < 0xE000;
  if (is_overlong || is_surrogate || code_point > 0x10FFFF) return {};
  return {code_point, length};
}

bool steers_output(std::int32_t code_point) {
  const auto is_between = [code_point](std::int32_t first, std::int32_t last) {
    return code_point >= first && code_point <= last;
  };
  return is_between(0, 0x1F) || is_between(0x7F, 0x9F) || code_point == 0x61C || is_between(0x200E, 0x200F) ||
         is_between(0x2028, 0x202E) || is_between(0x2066, 0x2069);
}

}  // namespace rerank
