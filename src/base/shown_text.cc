#include "base/shown_text.h"

#include "base/utf8.h"

namespace rerank {

std::string shown_text(std::string_view text, std::size_t max_bytes) {
  std::string shown;
  while (!text.empty()) {
    const auto [code_point, num_bytes] = first_character(text);
    if (shown.size() + num_bytes > max_bytes) return shown + "...";
    if (code_point < 0 || steers_output(code_point)) {
      shown += '?';
    } else {
      shown += text.substr(0, num_bytes);
    }
    text.remove_prefix(num_bytes);
  }
  return shown;
}

std::string shown_prose(std::string_view text, std::size_t max_bytes) {
  std::string line;
  while (!text.empty() && line.size() <= max_bytes) {
    const auto [code_point, num_bytes] = first_character(text);
    if (code_point != ' ' && !steers_output(code_point)) {
      line += text.substr(0, num_bytes);
    } else if (!line.empty() && line.back() != ' ') {
      line += ' ';
    }
    text.remove_prefix(num_bytes);
  }
  if (text.empty() && line.ends_with(' ')) line.pop_back();
  return shown_text(line, max_bytes);
}

bool steers_output(std::int32_t code_point) {
  const auto is_between = [code_point](std::int32_t first, std::int32_t last) {
    return code_point >= first && code_point <= last;
  };
  return is_between(0, 0x1F) || is_between(0x7F, 0x9F) || code_point == 0x61C || is_between(0x200E, 0x200F) ||
         is_between(0x2028, 0x202E) || is_between(0x2066, 0x2069);
}

}  // namespace rerank
