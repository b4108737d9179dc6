// Base classes for handlers of Boost.JSON's parser.
#pragma once

#include <boost/json/basic_parser.hpp>
#include <boost/json/error.hpp>
#include <boost/json/storage_ptr.hpp>
#include <boost/json/string_view.hpp>
#include <boost/json/value.hpp>
#include <boost/json/value_stack.hpp>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace rerank {

// Ignores everything. A handler derives from this and declares the functions it needs.
class JsonHandler {
 public:
  // NOLINTBEGIN(readability-identifier-naming): the parser needs these names.
  static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);
  // NOLINTEND(readability-identifier-naming)

  using ErrorCode = boost::json::error_code;
  using View = boost::json::string_view;

  bool on_document_begin(ErrorCode&) { return true; }
  bool on_document_end(ErrorCode&) { return true; }
  bool on_object_begin(ErrorCode&) { return true; }
  bool on_object_end(std::size_t, ErrorCode&) { return true; }
  bool on_array_begin(ErrorCode&) { return true; }
  bool on_array_end(std::size_t, ErrorCode&) { return true; }
  // Keys and strings with escapes come in parts, the last part by on_key or on_string. Numbers come whole if
  // the parser gets the whole text at once, which is the case everywhere here.
  bool on_key_part(View, std::size_t, ErrorCode&) { return true; }
  bool on_key(View, std::size_t, ErrorCode&) { return true; }
  bool on_string_part(View, std::size_t, ErrorCode&) { return true; }
  bool on_string(View, std::size_t, ErrorCode&) { return true; }
  bool on_number_part(View, ErrorCode&) { return true; }
  bool on_int64(std::int64_t, View, ErrorCode&) { return true; }
  bool on_uint64(std::uint64_t, View, ErrorCode&) { return true; }
  bool on_double(double, View, ErrorCode&) { return true; }
  bool on_bool(bool, ErrorCode&) { return true; }
  bool on_null(ErrorCode&) { return true; }
  bool on_comment_part(View, ErrorCode&) { return true; }
  bool on_comment(View, ErrorCode&) { return true; }
};

// Builds a value as Boost.JSON's own parser does, but with exact numbers: version 1.81 may be off by a bit
// from the nearest double.
class JsonValueHandler : public JsonHandler {
 public:
  // `stack` is for values that are not part of another value yet.
  explicit JsonValueHandler(boost::json::storage_ptr values = {}, boost::json::storage_ptr stack = {})
      : values_(std::move(values)), stack_(std::move(stack)) {}

  boost::json::value release() { return stack_.release(); }

  bool on_document_begin(ErrorCode&) {
    stack_.reset(values_);
    return true;
  }
  bool on_object_end(std::size_t n, ErrorCode&) {
    stack_.push_object(n);
    return true;
  }
  bool on_array_end(std::size_t n, ErrorCode&) {
    stack_.push_array(n);
    return true;
  }
  bool on_key_part(View part, std::size_t, ErrorCode&) {
    stack_.push_chars(part);
    return true;
  }
  bool on_key(View part, std::size_t, ErrorCode&) {
    stack_.push_key(part);
    return true;
  }
  bool on_string_part(View part, std::size_t, ErrorCode&) {
    stack_.push_chars(part);
    return true;
  }
  bool on_string(View part, std::size_t, ErrorCode&) {
    stack_.push_string(part);
    return true;
  }
  bool on_int64(std::int64_t number, View, ErrorCode&) {
    stack_.push_int64(number);
    return true;
  }
  bool on_uint64(std::uint64_t number, View, ErrorCode&) {
    stack_.push_uint64(number);
    return true;
  }
  bool on_double(double number, View digits, ErrorCode&) {
    double exact = number;
    const char* const end = digits.data() + digits.size();
    const auto [stopped, error] = std::from_chars(digits.data(), end, exact);
    stack_.push_double(error == std::errc() && stopped == end ? exact : number);
    return true;
  }
  bool on_bool(bool value, ErrorCode&) {
    stack_.push_bool(value);
    return true;
  }
  bool on_null(ErrorCode&) {
    stack_.push_null();
    return true;
  }

 private:
  boost::json::storage_ptr values_;
  boost::json::value_stack stack_;
};

}  // namespace rerank
