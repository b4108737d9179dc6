#include "apps/rerank/output/terminal_text.h"

#include <sys/ioctl.h>
#include <unistd.h>
#include <utf8proc.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "base/shown_text.h"
#include "base/utf8.h"

namespace rerank::cli {
namespace {

std::string picture_of(std::int32_t control) {
  utf8proc_uint8_t bytes[4];
  const auto length = utf8proc_encode_char(control == 0x7F ? 0x2421 : 0x2400 + control, bytes);
  return {reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(length)};
}

}  // namespace

std::string harmless(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const auto [c, num_bytes] = first_character(text);
    if (c == '\t' || c == '\n' || c == '\r' || c == 0x2028 || c == 0x2029) {
      result += ' ';
    } else if (c >= 0 && (c < 0x20 || c == 0x7F)) {
      result += picture_of(c);
    } else if (c < 0 || steers_output(c)) {
      result += "\uFFFD";
    } else {
      result += text.substr(0, num_bytes);
    }
    text.remove_prefix(num_bytes);
  }
  return result;
}

int display_width(std::string_view text) {
  int width = 0;
  while (!text.empty()) {
    const auto [c, num_bytes] = first_character(text);
    width += utf8proc_charwidth(c);
    text.remove_prefix(num_bytes);
  }
  return width;
}

std::string clipped(std::string_view text, int width) {
  int used = 0;
  std::size_t end = 0;        // of what fits
  std::size_t short_end = 0;  // of what fits with a cell to spare for the ellipsis
  while (end < text.size()) {
    const auto [c, num_bytes] = first_character(text.substr(end));
    used += utf8proc_charwidth(c);
    if (used > width) return std::string(text.substr(0, short_end)) + "…";
    end += num_bytes;
    if (used < width) short_end = end;
  }
  return std::string(text);
}

bool is_terminal(int descriptor) {
  return isatty(descriptor) == 1;
}

int terminal_width(int descriptor) {
  int columns = 0;
  if (const char* text = std::getenv("COLUMNS")) std::from_chars(text, text + std::strlen(text), columns);
  if (columns <= 0) {
    winsize size = {};
    if (ioctl(descriptor, TIOCGWINSZ, &size) == 0) columns = size.ws_col;
  }
  constexpr int kMostColumns = 10'000;  // COLUMNS may say anything
  return columns > 0 ? std::min(columns, kMostColumns) : 100;
}

bool wants_colour(int descriptor) {
  const char* no_colour = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  return is_terminal(descriptor) && (no_colour == nullptr || *no_colour == '\0') &&
         (term == nullptr || std::strcmp(term, "dumb") != 0);
}

}  // namespace rerank::cli
