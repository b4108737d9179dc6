// The parts of utf8.h that are not in the hot loops.
#include "base/utf8.h"

namespace rerank {
namespace {

struct Sequence {
  size_t num_bytes;  // that belong together, at least one
  bool is_valid;
};

// The sequence at `at`, or as much of one as there is.
Sequence sequence_at(std::string_view text, size_t at) {
  const auto lead = static_cast<unsigned char>(text[at]);
  if (lead < 0x80) return {1, true};
  if (lead < 0xC2 || lead > 0xF4) return {1, false};
  const size_t length = sequence_bytes(text[at]);
  for (size_t i = 1; i < length; ++i) {
    unsigned low = 0x80;
    unsigned high = 0xBF;
    if (i == 1 && lead == 0xE0) low = 0xA0;   // overlong
    if (i == 1 && lead == 0xED) high = 0x9F;  // surrogates
    if (i == 1 && lead == 0xF0) low = 0x90;   // overlong
    if (i == 1 && lead == 0xF4) high = 0x8F;  // above U+10FFFF
    if (at + i == text.size()) return {i, false};
    const auto byte = static_cast<unsigned char>(text[at + i]);
    if (byte < low || byte > high) return {i, false};
  }
  return {length, true};
}

}  // namespace

size_t first_invalid_utf8(std::string_view text) {
  for (size_t at = skip_ascii(text, 0); at < text.size();) {
    const Sequence sequence = sequence_at(text, at);
    if (!sequence.is_valid) return at;
    at += sequence.num_bytes;
    if (at < text.size() && is_ascii(text[at])) at = skip_ascii(text, at);
  }
  return text.size();
}

std::string replace_invalid_utf8(std::string text) {
  size_t at = first_invalid_utf8(text);
  if (at == text.size()) return text;
  std::string valid = text.substr(0, at);
  while (at < text.size()) {
    const Sequence sequence = sequence_at(text, at);
    valid += sequence.is_valid ? std::string_view(text).substr(at, sequence.num_bytes) : "\uFFFD";
    at += sequence.num_bytes;
  }
  return valid;
}

TextCharacter first_character(std::string_view text) {
  size_t end = 0;
  if (!sequence_at(text, 0).is_valid) return {};
  const char32_t code_point = next_code_point(text, end);
  return {static_cast<std::int32_t>(code_point), end};
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
