#include "client/shown_text.h"

#include "base/text_character.h"

namespace rerank::client {

std::string shown(std::string_view text, std::size_t max_bytes) {
  std::string line;
  while (!text.empty()) {
    const auto [c, num_bytes] = first_character(text);
    if (line.size() + num_bytes > max_bytes) return line + "...";
    if (c < 0) {
      line += "\uFFFD";
    } else if (c != ' ' && !steers_output(c)) {
      line += text.substr(0, num_bytes);
    } else if (!line.empty() && line.back() != ' ') {
      line += ' ';
    }
    text.remove_prefix(num_bytes);
  }
  if (line.ends_with(' ')) line.pop_back();
  return line;
}

}  // namespace rerank::client
