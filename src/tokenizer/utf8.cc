// The parts of utf8.h that are not in the hot loops.
#include "tokenizer/utf8.h"

namespace rerank {
namespace {

// The length of the well-formed sequence at `at`; 0 if there is none.
size_t valid_sequence_bytes(std::string_view text, size_t at) {
  auto byte = [&](size_t i) { return static_cast<unsigned char>(text[at + i]); };
  auto continues = [&](size_t i, unsigned low, unsigned high) {
    return at + i < text.size() && byte(i) >= low && byte(i) <= high;
  };
  unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead < 0xC2) return 0;
  if (lead < 0xE0) return continues(1, 0x80, 0xBF) ? 2 : 0;
  if (lead < 0xF0) {
    unsigned low = lead == 0xE0 ? 0xA0 : 0x80;   // overlong
    unsigned high = lead == 0xED ? 0x9F : 0xBF;  // surrogates
    return continues(1, low, high) && continues(2, 0x80, 0xBF) ? 3 : 0;
  }
  if (lead > 0xF4) return 0;
  unsigned low = lead == 0xF0 ? 0x90 : 0x80;   // overlong
  unsigned high = lead == 0xF4 ? 0x8F : 0xBF;  // above U+10FFFF
  return continues(1, low, high) && continues(2, 0x80, 0xBF) && continues(3, 0x80, 0xBF) ? 4 : 0;
}

}  // namespace

size_t first_invalid_utf8(std::string_view text) {
  for (size_t at = skip_ascii(text, 0); at < text.size();) {
    size_t length = valid_sequence_bytes(text, at);
    if (length == 0) return at;
    at += length;
    if (at < text.size() && is_ascii(text[at])) at = skip_ascii(text, at);
  }
  return text.size();
}

char32_t previous_code_point(std::string_view text, size_t at) {
  do --at;
  while ((static_cast<unsigned char>(text[at]) & 0xC0) == 0x80);
  return next_code_point(text, at);
}

void append_utf8(char32_t code_point, std::string& out) {
  auto tail = [&](int shift) { out += static_cast<char>(0x80 | (code_point >> shift & 0x3F)); };
  if (code_point < 0x80) {
    out += static_cast<char>(code_point);
  } else if (code_point < 0x800) {
    out += static_cast<char>(0xC0 | code_point >> 6);
    tail(0);
  } else if (code_point < 0x10000) {
    out += static_cast<char>(0xE0 | code_point >> 12);
    tail(6);
    tail(0);
  } else {
    out += static_cast<char>(0xF0 | code_point >> 18);
    tail(12);
    tail(6);
    tail(0);
  }
}

}  // namespace rerank
