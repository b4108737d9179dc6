#include "client/json_node.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <charconv>
#include <cmath>
#include <system_error>
#include <utility>

#include "rerank/error.h"
#include "text/json_handler.h"

namespace rerank::client {
namespace {

namespace json = boost::json;
using Kind = JsonNode::Kind;

class TreeBuilder : public JsonHandler {
 public:
  explicit TreeBuilder(std::size_t max_values) : num_left_(max_values) {}

  bool has_too_many() const { return has_too_many_; }
  JsonNode take_root() { return std::move(root_); }

  bool on_object_begin(ErrorCode& error) { return open(Kind::kObject, error); }
  bool on_object_end(std::size_t, ErrorCode&) { return close(); }
  bool on_array_begin(ErrorCode& error) { return open(Kind::kArray, error); }
  bool on_array_end(std::size_t, ErrorCode&) { return close(); }
  bool on_key_part(View s, std::size_t, ErrorCode&) { return append(s); }
  bool on_key(View s, std::size_t, ErrorCode&) {
    append(s);
    open_.back().keys.push_back(std::exchange(text_, {}));
    return true;
  }
  bool on_string_part(View s, std::size_t, ErrorCode&) { return append(s); }
  bool on_string(View s, std::size_t, ErrorCode& error) { return add_scalar(Kind::kString, s, error); }
  bool on_int64(std::int64_t, View s, ErrorCode& error) { return add_scalar(Kind::kNumber, s, error); }
  bool on_uint64(std::uint64_t, View s, ErrorCode& error) { return add_scalar(Kind::kNumber, s, error); }
  bool on_double(double, View s, ErrorCode& error) { return add_scalar(Kind::kNumber, s, error); }
  bool on_bool(bool b, ErrorCode& error) { return add_scalar(Kind::kBool, b ? "true" : "false", error); }
  bool on_null(ErrorCode& error) { return count(error) && add({}); }

 private:
  bool append(View part) {
    text_.append(part.data(), part.size());
    return true;
  }
  bool count(ErrorCode& error) {
    if (num_left_-- > 0) return true;
    has_too_many_ = true;
    error = json::error::array_too_large;
    return false;
  }
  bool add_scalar(Kind kind, View last_part, ErrorCode& error) {
    if (!count(error)) return false;
    append(last_part);
    JsonNode node;
    node.kind = kind;
    node.text = std::exchange(text_, {});
    return add(std::move(node));
  }
  bool add(JsonNode node) {
    if (open_.empty()) {
      root_ = std::move(node);
    } else {
      open_.back().elements.push_back(std::move(node));
    }
    return true;
  }
  bool open(Kind kind, ErrorCode& error) {
    if (!count(error)) return false;
    open_.emplace_back().kind = kind;
    return true;
  }
  bool close() {
    JsonNode node = std::move(open_.back());
    open_.pop_back();
    return add(std::move(node));
  }

  std::size_t num_left_;
  bool has_too_many_ = false;
  JsonNode root_;
  std::vector<JsonNode> open_;
  std::string text_;
};

}  // namespace

const JsonNode* JsonNode::find(std::string_view name) const {
  const auto key = std::find(keys.begin(), keys.end(), name);
  if (key == keys.end()) return nullptr;
  const JsonNode& value = elements[static_cast<std::size_t>(key - keys.begin())];
  return value.is(Kind::kNull) ? nullptr : &value;
}

std::string_view JsonNode::text_of(std::string_view name) const {
  const JsonNode* const node = find(name);
  return node != nullptr && node->is(Kind::kString) ? std::string_view(node->text) : std::string_view();
}

std::optional<std::int64_t> JsonNode::integer_of(std::string_view name) const {
  const JsonNode* const node = find(name);
  if (node == nullptr || !node->is(Kind::kNumber)) return std::nullopt;
  std::int64_t value = 0;
  const char* const end = node->text.data() + node->text.size();
  const auto [stopped, error] = std::from_chars(node->text.data(), end, value);
  return error == std::errc() && stopped == end ? std::optional(value) : std::nullopt;
}

JsonNode parse_json(std::string_view text, std::size_t max_values) {
  json::basic_parser<TreeBuilder> parser(json::parse_options(), max_values);
  json::error_code error;
  const std::size_t used = parser.write_some(false, text.data(), text.size(), error);
  if (parser.handler().has_too_many()) {
    throw Error(ErrorCode::kUnsupported, fmt::format("JSON of more than {} values", max_values));
  }
  if (error) {
    throw Error(ErrorCode::kUnsupported, fmt::format("not JSON at byte {}: {}", used + 1, error.message()));
  }
  if (text.find_first_not_of(" \t\r\n", used) != std::string_view::npos) {
    throw Error(ErrorCode::kUnsupported, fmt::format("more text after the JSON, at byte {}", used + 1));
  }
  return parser.handler().take_root();
}

std::optional<float> parse_float(std::string_view digits) {
  const char* const end = digits.data() + digits.size();
  float value = 0;
  const auto [stopped, error] = std::from_chars(digits.data(), end, value);
  if (error == std::errc() && stopped == end)
    return std::isfinite(value) ? std::optional(value) : std::nullopt;
  // A number that is too small is reported like one that is too large.
  double wide = 1;
  const std::errc wide_error = std::from_chars(digits.data(), end, wide).ec;
  const bool is_tiny = wide_error == std::errc() ? std::abs(wide) < 1 : digits.find('-', 1) != digits.npos;
  if (error == std::errc::result_out_of_range && is_tiny) return digits.front() == '-' ? -0.0F : 0.0F;
  return std::nullopt;
}

}  // namespace rerank::client
