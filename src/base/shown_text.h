// Text that others wrote, such as a key of a file, as a message may hold it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace rerank {

// With `?` for each control character, so that it can neither break a line nor steer a terminal, and about
// `max_bytes` of it at most: what is longer ends in "...".
inline std::string shown_text(std::string_view text, std::size_t max_bytes) {
  std::size_t end = text.size();
  if (end > max_bytes) {
    end = max_bytes;
    // Not in the middle of a character of UTF-8.
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  }
  std::string shown(text.substr(0, end));
  for (char& c : shown) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = '?';
  }
  return end < text.size() ? shown + "..." : shown;
}

}  // namespace rerank
