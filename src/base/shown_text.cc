#include "base/shown_text.h"

#include "base/text_character.h"

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

}  // namespace rerank
