// Writes JSON from start to end. It adds the commas; the caller must close objects and arrays.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rerank {

class JsonWriter {
 public:
  explicit JsonWriter(std::size_t expected_bytes = 0) { out_.reserve(expected_bytes); }
  // For files that people read: one line for each member of an object and for each object in a list.
  static JsonWriter with_lines() {
    JsonWriter json;
    json.has_lines_ = true;
    return json;
  }

  JsonWriter& begin_object() { return open('{'); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& begin_array() { return open('['); }
  JsonWriter& end_array() { return close(']'); }
  JsonWriter& key(std::string_view name);          // REQUIRES: no character of it needs an escape
  JsonWriter& escaped_key(std::string_view name);  // any name

  JsonWriter& string(std::string_view text);  // invalid UTF-8 is replaced by U+FFFD
  JsonWriter& number(std::int64_t value);
  // The shortest digits, always with a point or an exponent. Throws Error{kInternal} for a value that is not
  // finite.
  JsonWriter& real(float value);
  JsonWriter& real(double value);
  JsonWriter& boolean(bool value);
  JsonWriter& null();
  JsonWriter& raw(std::string_view json);  // a value that is JSON already

  std::size_t size() const { return out_.size(); }
  std::size_t capacity() const { return out_.capacity(); }
  void reserve(std::size_t num_bytes) { out_.reserve(num_bytes); }
  std::string take() { return std::move(out_); }

  // The number of bytes that string() writes for `text`.
  static std::size_t string_bytes(std::string_view text);

 private:
  JsonWriter& open(char bracket);
  JsonWriter& close(char bracket);
  void separate();
  void begin_line();
  template <typename Real>
  JsonWriter& append_real(Real value);

  std::string out_;
  bool needs_comma_ = false;
  bool has_lines_ = false;
  std::size_t depth_ = 0;
};

// `text` as a JSON string.
std::string json_string(std::string_view text);
// `texts` as a JSON list of strings.
std::string json_list(const std::vector<std::string>& texts);

// The fewest digits that read back as the same float. Throws Error{kInternal} for a value that is not finite.
std::string shortest_digits(float value);

}  // namespace rerank
