#include "text/json_writer.h"

#include <fmt/compile.h>
#include <fmt/format.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <iterator>

#include "base/utf8.h"
#include "rerank/error.h"

namespace rerank {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD

constexpr std::array<bool, 256> kPlainBytes = [] {
  std::array<bool, 256> plain{};
  for (std::size_t byte = 0x20; byte < plain.size(); ++byte) plain[byte] = true;
  plain['"'] = plain['\\'] = plain[0x7f] = false;
  return plain;
}();

void append_escaped(std::string& out, char c) {
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      fmt::format_to(std::back_inserter(out), FMT_COMPILE("\\u{:04x}"), static_cast<unsigned char>(c));
  }
}

// Whether none of eight bytes needs an escape, by arithmetic on the whole word that finds bytes below a
// bound.
bool are_plain(const char* bytes) {
  constexpr std::uint64_t kOnes = 0x0101010101010101;
  constexpr std::uint64_t kHighs = 0x80 * kOnes;
  std::uint64_t word = 0;
  std::memcpy(&word, bytes, sizeof word);
  const auto below = [](std::uint64_t w, std::uint64_t bound) { return (w - bound * kOnes) & ~w & kHighs; };
  return (below(word, 0x20) | below(word ^ '"' * kOnes, 1) | below(word ^ '\\' * kOnes, 1) |
          below(word ^ 0x7f * kOnes, 1)) == 0;
}

// Calls `visit` with the position of each byte that needs an escape.
template <typename Visit>
void for_each_escape(std::string_view text, Visit&& visit) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    while (i + 8 <= text.size() && are_plain(text.data() + i)) i += 8;
    if (i == text.size()) break;
    if (!kPlainBytes[static_cast<unsigned char>(text[i])]) visit(i);
  }
}

std::size_t escaped_bytes(char c) {
  constexpr std::size_t kLongestEscape = 6;
  return std::string_view("\"\\\n\r\t").find(c) == std::string_view::npos ? kLongestEscape : 2;
}

// REQUIRES: `text` is UTF-8.
void append_string(std::string& out, std::string_view text) {
  std::size_t done = 0;
  for_each_escape(text, [&](std::size_t i) {
    out.append(text.substr(done, i - done));
    append_escaped(out, text[i]);
    done = i + 1;
  });
  out.append(text.substr(done));
}

template <typename Real>
void append_digits(std::string& out, Real value) {
  check(std::isfinite(value), "a number that is not finite");
  fmt::format_to(std::back_inserter(out), FMT_COMPILE("{}"), value);
}

}  // namespace

void JsonWriter::begin_line() {
  out_ += '\n';
  out_.append(2 * depth_, ' ');
}

void JsonWriter::separate() {
  if (needs_comma_) out_ += ',';
  needs_comma_ = true;
}

JsonWriter& JsonWriter::open(char bracket) {
  const bool is_member = out_.ends_with(' ');  // a key's, with lines
  separate();
  if (has_lines_ && bracket == '{' && !is_member && depth_ > 0) begin_line();
  out_ += bracket;
  ++depth_;
  needs_comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::close(char bracket) {
  --depth_;
  if (has_lines_ && (bracket == '}' ? !out_.ends_with('{') : out_.ends_with('}'))) begin_line();
  out_ += bracket;
  needs_comma_ = true;
  return *this;
}

JsonWriter& JsonWriter::key(std::string_view name) {
  separate();
  if (has_lines_) begin_line();
  out_ += '"';
  out_ += name;
  out_ += has_lines_ ? "\": " : "\":";
  needs_comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::escaped_key(std::string_view name) {
  const std::string escaped = json_string(name);
  return key(std::string_view(escaped).substr(1, escaped.size() - 2));
}

JsonWriter& JsonWriter::string(std::string_view text) {
  separate();
  out_ += '"';
  while (true) {
    const std::size_t valid_bytes = first_invalid_utf8(text);
    append_string(out_, text.substr(0, valid_bytes));
    if (valid_bytes == text.size()) break;
    out_ += kReplacement;
    text.remove_prefix(valid_bytes + 1);
  }
  out_ += '"';
  return *this;
}

JsonWriter& JsonWriter::number(std::int64_t value) {
  separate();
  fmt::format_to(std::back_inserter(out_), FMT_COMPILE("{}"), value);
  return *this;
}

template <typename Real>
JsonWriter& JsonWriter::append_real(Real value) {
  separate();
  const std::size_t begin = out_.size();
  append_digits(out_, value);
  // Readers that distinguish integers must always see the same type.
  if (out_.find_first_of(".e", begin) == std::string::npos) out_ += ".0";
  return *this;
}

JsonWriter& JsonWriter::real(float value) {
  return append_real(value);
}

JsonWriter& JsonWriter::real(double value) {
  return append_real(value);
}

JsonWriter& JsonWriter::boolean(bool value) {
  return raw(value ? "true" : "false");
}

JsonWriter& JsonWriter::null() {
  return raw("null");
}

JsonWriter& JsonWriter::raw(std::string_view json) {
  separate();
  out_ += json;
  return *this;
}

std::size_t JsonWriter::string_bytes(std::string_view text) {
  std::size_t bytes = 2;
  while (true) {
    const std::size_t valid_bytes = first_invalid_utf8(text);
    const std::string_view valid = text.substr(0, valid_bytes);
    bytes += valid_bytes;
    for_each_escape(valid, [&](std::size_t i) { bytes += escaped_bytes(valid[i]) - 1; });
    if (valid_bytes == text.size()) return bytes;
    bytes += kReplacement.size();
    text.remove_prefix(valid_bytes + 1);
  }
}

std::string json_string(std::string_view text) {
  return JsonWriter().string(text).take();
}

std::string json_list(const std::vector<std::string>& texts) {
  JsonWriter json;
  json.begin_array();
  for (const std::string& text : texts) json.string(text);
  return json.end_array().take();
}

std::string shortest_digits(float value) {
  std::string digits;
  append_digits(digits, value);
  return digits;
}

}  // namespace rerank
