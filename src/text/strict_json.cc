#include "text/strict_json.h"

#include <fmt/format.h>

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/serialize.hpp>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "rerank/error.h"
#include "text/json_handler.h"

namespace rerank {
namespace {

namespace json = boost::json;

// Refuses duplicate keys if the rules say so; Boost keeps the last one.
class StrictHandler : public JsonValueHandler {
 public:
  explicit StrictHandler(const JsonRules& rules)
      : JsonValueHandler(rules.storage), unique_keys_(rules.unique_keys) {}

  bool has_duplicate() const { return has_duplicate_; }
  const std::string& duplicate() const { return key_; }

  bool on_object_begin(ErrorCode&) {
    if (unique_keys_) keys_.emplace_back();
    return true;
  }
  bool on_object_end(std::size_t n, ErrorCode& error) {
    if (unique_keys_) keys_.pop_back();
    return JsonValueHandler::on_object_end(n, error);
  }
  bool on_key_part(View part, std::size_t n, ErrorCode& error) {
    if (unique_keys_) key_.append(part.data(), part.size());
    return JsonValueHandler::on_key_part(part, n, error);
  }
  bool on_key(View part, std::size_t n, ErrorCode& error) {
    if (unique_keys_) {
      key_.append(part.data(), part.size());
      has_duplicate_ = !keys_.back().insert(key_).second;
      if (has_duplicate_) {
        error = json::error::syntax;
        return false;
      }
      key_.clear();
    }
    return JsonValueHandler::on_key(part, n, error);
  }

 private:
  const bool unique_keys_;
  std::vector<std::unordered_set<std::string>> keys_;  // of the objects that are open
  std::string key_;
  bool has_duplicate_ = false;
};

}  // namespace

json::value parse_strict_json(std::string_view text, std::string_view name, const JsonRules& rules) {
  json::basic_parser<StrictHandler> parser(json::parse_options(), rules);
  json::error_code error;
  const std::size_t parsed = parser.write_some(false, text.data(), text.size(), error);
  const auto refuse = [&](const std::string& what) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("{}: {}; {}", name, what, rules.advice));
  };
  if (parser.handler().has_duplicate()) {
    refuse(fmt::format("the key \"{}\" occurs twice", shown_text(parser.handler().duplicate())));
  }
  if (error) refuse(fmt::format("not JSON at byte {} ({})", parsed, error.message()));
  if (parsed < text.size()) refuse(fmt::format("text after the end of the JSON, at byte {}", parsed));
  return parser.handler().release();
}

json::object parse_json_object(std::string_view text, std::string_view name, const JsonRules& rules) {
  json::value value = parse_strict_json(text, name, rules);
  if (!value.is_object()) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: must be a JSON object, not {}; {}", name, kind_of(value), rules.advice));
  }
  return std::move(value.get_object());
}

std::string_view kind_of(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null:
      return "null";
    case json::kind::bool_:
      return "true or false";
    case json::kind::string:
      return "a string";
    case json::kind::array:
      return "a list";
    case json::kind::object:
      return "an object";
    default:
      return "a number";
  }
}

std::string shown_text(const json::value& value) {
  return shown_text(json::serialize(value));
}

}  // namespace rerank
