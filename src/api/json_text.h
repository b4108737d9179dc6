// Writes JSON text from front to back. It puts the commas; that objects and arrays close is for its caller to
// see to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace rerank::api {

class JsonText {
 public:
  explicit JsonText(std::size_t expected_bytes = 0) { out_.reserve(expected_bytes); }

  JsonText& begin_object() { return open('{'); }
  JsonText& end_object() { return close('}'); }
  JsonText& begin_array() { return open('['); }
  JsonText& end_array() { return close(']'); }
  JsonText& key(std::string_view name);  // REQUIRES: nothing in it to be escaped

  JsonText& string(std::string_view text);  // what is not UTF-8 becomes U+FFFD
  JsonText& number(std::int64_t value);
  // The fewest digits that read back as the same float, always with a point or an exponent. Throws
  // Error{kInternal} for what JSON has no number for.
  JsonText& score(float value);
  JsonText& boolean(bool value);
  JsonText& null();
  JsonText& raw(std::string_view json);  // a value that is JSON already

  std::size_t size() const { return out_.size(); }
  std::size_t capacity() const { return out_.capacity(); }
  void reserve(std::size_t num_bytes) { out_.reserve(num_bytes); }
  std::string take() { return std::move(out_); }

  // How many bytes string() writes for `text`.
  static std::size_t string_bytes(std::string_view text);

 private:
  JsonText& open(char bracket);
  JsonText& close(char bracket);
  void separate();

  std::string out_;
  bool needs_comma_ = false;
};

}  // namespace rerank::api
