#include "text/strict_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value_stack.hpp>
#include <charconv>
#include <string>
#include <unordered_set>
#include <vector>

#include "rerank/error.h"

namespace rerank {
namespace {

namespace json = boost::json;

// Builds a value as Boost.JSON's own parser does, but refuses a key that its object has already (Boost keeps
// the last one) and reads doubles from their text (Boost 1.81 may miss the nearest one by a bit).
class StrictHandler {
 public:
  // NOLINTBEGIN(readability-identifier-naming): the parser asks for these names.
  static constexpr std::size_t max_object_size = json::object::max_size();
  static constexpr std::size_t max_array_size = json::array::max_size();
  static constexpr std::size_t max_key_size = json::string::max_size();
  static constexpr std::size_t max_string_size = json::string::max_size();
  // NOLINTEND(readability-identifier-naming)

  bool has_duplicate() const { return has_duplicate_; }
  const std::string& duplicate() const { return key_; }
  json::value release() { return stack_.release(); }

  bool on_document_begin(json::error_code&) {
    stack_.reset();
    return true;
  }
  bool on_document_end(json::error_code&) { return true; }
  bool on_object_begin(json::error_code&) {
    keys_.emplace_back();
    return true;
  }
  bool on_object_end(std::size_t n, json::error_code&) {
    keys_.pop_back();
    stack_.push_object(n);
    return true;
  }
  bool on_array_begin(json::error_code&) { return true; }
  bool on_array_end(std::size_t n, json::error_code&) {
    stack_.push_array(n);
    return true;
  }
  bool on_key_part(json::string_view s, std::size_t, json::error_code&) {
    key_.append(s.data(), s.size());
    stack_.push_chars(s);
    return true;
  }
  bool on_key(json::string_view s, std::size_t, json::error_code& ec) {
    key_.append(s.data(), s.size());
    if (!keys_.back().insert(key_).second) {
      has_duplicate_ = true;
      ec = json::error::syntax;
      return false;
    }
    key_.clear();
    stack_.push_key(s);
    return true;
  }
  bool on_string_part(json::string_view s, std::size_t, json::error_code&) {
    stack_.push_chars(s);
    return true;
  }
  bool on_string(json::string_view s, std::size_t, json::error_code&) {
    stack_.push_string(s);
    return true;
  }
  bool on_number_part(json::string_view s, json::error_code&) {
    number_.append(s.data(), s.size());
    return true;
  }
  bool on_int64(std::int64_t i, json::string_view, json::error_code&) {
    number_.clear();
    stack_.push_int64(i);
    return true;
  }
  bool on_uint64(std::uint64_t u, json::string_view, json::error_code&) {
    number_.clear();
    stack_.push_uint64(u);
    return true;
  }
  bool on_double(double d, json::string_view s, json::error_code&) {
    number_.append(s.data(), s.size());
    double exact = d;
    const auto [end, error] = std::from_chars(number_.data(), number_.data() + number_.size(), exact);
    stack_.push_double(error == std::errc() && end == number_.data() + number_.size() ? exact : d);
    number_.clear();
    return true;
  }
  bool on_bool(bool b, json::error_code&) {
    stack_.push_bool(b);
    return true;
  }
  bool on_null(json::error_code&) {
    stack_.push_null();
    return true;
  }
  bool on_comment_part(json::string_view, json::error_code&) { return true; }
  bool on_comment(json::string_view, json::error_code&) { return true; }

 private:
  json::value_stack stack_;
  std::vector<std::unordered_set<std::string>> keys_;  // of the objects that are open
  std::string key_;
  std::string number_;
  bool has_duplicate_ = false;
};

}  // namespace

json::value parse_strict_json(std::string_view text, std::string_view name, std::string_view advice) {
  json::basic_parser<StrictHandler> parser{json::parse_options()};
  json::error_code ec;
  const std::size_t parsed = parser.write_some(false, text.data(), text.size(), ec);
  if (parser.handler().has_duplicate()) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("{}: the key \"{}\" occurs twice; {}", name,
                                                         shown_text(parser.handler().duplicate()), advice));
  }
  if (ec) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: not JSON at byte {} ({}); {}", name, parsed, ec.message(), advice));
  }
  if (parsed < text.size()) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: text after the end of the JSON, at byte {}; {}", name, parsed, advice));
  }
  return parser.handler().release();
}

std::string shown_text(const json::value& value) {
  return shown_text(json::serialize(value));
}

}  // namespace rerank
