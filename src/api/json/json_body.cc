#include "api/json/json_body.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/api_error.h"
#include "api/json/charged_storage.h"
#include "base/shown_text.h"
#include "base/utf8.h"
#include "rerank/error.h"
#include "text/json_handler.h"

namespace rerank::api {
namespace {

namespace json = boost::json;

// Builds the value, counts the values in it, and keeps track of its position.
class Builder : public JsonValueHandler {
 public:
  Builder(json::storage_ptr values, json::storage_ptr stack, std::size_t max_values)
      : JsonValueHandler(std::move(values), std::move(stack)), num_values_left_(max_values) {}

  bool has_too_many_values() const { return has_too_many_values_; }

  // The path of the value being read, such as "documents[3].text"; empty outside of all fields.
  std::string path() const {
    std::string path;
    for (const Place& place : places_) {
      if (place.is_array) {
        path += fmt::format("[{}]", place.index);
      } else if (!place.key.empty()) {
        path += (path.empty() ? "" : ".") + shown_text(place.key);
      }
    }
    return path;
  }

  bool on_object_begin(ErrorCode& error) { return enter(false, error); }
  bool on_object_end(std::size_t n, ErrorCode& error) {
    return JsonValueHandler::on_object_end(n, error) && leave();
  }
  bool on_array_begin(ErrorCode& error) { return enter(true, error); }
  bool on_array_end(std::size_t n, ErrorCode& error) {
    return JsonValueHandler::on_array_end(n, error) && leave();
  }
  bool on_key_part(View part, std::size_t n, ErrorCode& error) {
    note_key(part, n);
    return JsonValueHandler::on_key_part(part, n, error);
  }
  bool on_key(View part, std::size_t n, ErrorCode& error) {
    note_key(part, n);
    return JsonValueHandler::on_key(part, n, error);
  }
  bool on_string(View part, std::size_t n, ErrorCode& error) {
    return JsonValueHandler::on_string(part, n, error) && finish_scalar(error);
  }
  bool on_int64(std::int64_t number, View digits, ErrorCode& error) {
    return JsonValueHandler::on_int64(number, digits, error) && finish_scalar(error);
  }
  bool on_uint64(std::uint64_t number, View digits, ErrorCode& error) {
    return JsonValueHandler::on_uint64(number, digits, error) && finish_scalar(error);
  }
  bool on_double(double number, View digits, ErrorCode& error) {
    // A whole number beyond every integer type is the same as the largest one.
    const bool is_whole = number > 0 && digits.find_first_of(".eE") == View::npos;
    return is_whole ? on_uint64(std::numeric_limits<std::uint64_t>::max(), digits, error)
                    : JsonValueHandler::on_double(number, digits, error) && finish_scalar(error);
  }
  bool on_bool(bool value, ErrorCode& error) {
    return JsonValueHandler::on_bool(value, error) && finish_scalar(error);
  }
  bool on_null(ErrorCode& error) { return JsonValueHandler::on_null(error) && finish_scalar(error); }

 private:
  struct Place {
    bool is_array = false;
    std::size_t index = 0;
    std::string key;
  };

  // Notes `part` of a key, of which `num_read` characters are known including this part. Messages show the
  // beginning of a key.
  void note_key(View part, std::size_t num_read) {
    constexpr std::size_t kNotedBytes = 128;
    std::string& key = places_.back().key;
    if (num_read == part.size()) key.clear();
    if (key.size() < kNotedBytes) key.append(part.data(), std::min(part.size(), kNotedBytes - key.size()));
  }
  bool count_value(ErrorCode& error) {
    if (num_values_left_-- > 0) return true;
    has_too_many_values_ = true;
    error = json::error::array_too_large;
    return false;
  }
  bool finish_value() {
    if (!places_.empty()) ++places_.back().index;
    return true;
  }
  bool finish_scalar(ErrorCode& error) { return count_value(error) && finish_value(); }
  bool enter(bool is_array, ErrorCode& error) {
    places_.push_back({.is_array = is_array});
    return count_value(error);
  }
  bool leave() {
    places_.pop_back();
    return finish_value();
  }

  std::vector<Place> places_;  // of the arrays and objects that are open
  std::size_t num_values_left_;
  bool has_too_many_values_ = false;
};

// Whether `text` ends in the escape of a first surrogate, followed by at most two other characters.
bool ends_in_first_surrogate(std::string_view text) {
  constexpr std::size_t kEscapeBytes = 6;  // \\uD800
  for (std::size_t behind = 0; behind <= 2 && text.size() >= kEscapeBytes + behind; ++behind) {
    const std::string_view escape = text.substr(text.size() - kEscapeBytes - behind, kEscapeBytes);
    if ((escape.starts_with("\\ud") || escape.starts_with("\\uD")) &&
        std::string_view("89abAB").find(escape[3]) != std::string_view::npos) {
      return true;
    }
  }
  return false;
}

std::string what_is_wrong(const json::error_code& ec, std::string_view text, std::size_t at,
                          const JsonBounds& bounds) {
  if (ec == json::error::too_deep) return fmt::format("it is nested deeper than {} levels", bounds.max_depth);
  if (ec == json::error::incomplete) return "it is incomplete";
  if (ec == json::error::illegal_leading_surrogate || ec == json::error::illegal_trailing_surrogate ||
      ec == json::error::expected_utf16_escape || ends_in_first_surrogate(text.substr(0, at))) {
    return "it has half of a surrogate pair, which is not a character";
  }
  // The parser reports this as a syntax error, at the first byte of the character or within it.
  const std::size_t valid_bytes = first_invalid_utf8(text);
  if (valid_bytes < text.size() && valid_bytes <= at + 4) return "it is not valid UTF-8";
  return ec.message();
}

[[noreturn]] void refuse(const json::error_code& ec, std::string_view text, std::size_t at,
                         const Builder& builder, const JsonBounds& bounds) {
  const std::string path = builder.path();
  const std::string subject = path.empty() ? "The body" : path;
  const std::string field = path.substr(0, path.find_first_of(".["));
  if (builder.has_too_many_values()) {
    throw ApiError(400,
                   fmt::format("{}: the body has more than {} values, at byte {}; send fewer at once",
                               subject, bounds.max_values, at),
                   field);
  }
  throw ApiError(400,
                 fmt::format("{} cannot be read as JSON: {}, at byte {}", subject,
                             what_is_wrong(ec, text, at, bounds), at),
                 field);
}

// Without the byte order mark that Windows editors write.
std::string_view without_mark(std::string_view text) {
  constexpr std::string_view kMark = "\xef\xbb\xbf";
  return text.starts_with(kMark) ? text.substr(kMark.size()) : text;
}

bool is_utf16(std::string_view text) {
  using std::string_view_literals::operator""sv;
  return text.starts_with("\xff\xfe"sv) || text.starts_with("\xfe\xff"sv) || text.starts_with("{\0"sv) ||
         text.starts_with("\0{"sv);
}

}  // namespace

struct JsonBody::Parsed {
  Parsed(std::size_t body_bytes, Allowance& allowance) : storage(body_bytes + kSpareBytes, allowance) {}

  static constexpr std::size_t kSpareBytes = 1024;
  ChargedStorage storage;
  std::optional<json::value> value;  // constructed in place: an assignment would copy it out of `storage`
};

JsonBody::JsonBody(std::string_view body, const JsonBounds& bounds, Allowance& allowance)
    : parsed_(std::make_unique<Parsed>(body.size(), allowance)) {
  if (is_utf16(body)) throw ApiError(400, "The body is UTF-16 or contains NUL; send it as UTF-8");
  const std::string_view text = without_mark(body);
  json::parse_options options;
  options.max_depth = bounds.max_depth;
  ChargedHeap heap(allowance);
  json::basic_parser<Builder> parser(options, json::storage_ptr(&parsed_->storage), json::storage_ptr(&heap),
                                     bounds.max_values);
  json::error_code ec;
  const std::size_t used = parser.write_some(false, text.data(), text.size(), ec);
  if (ec) refuse(ec, text, used, parser.handler(), bounds);
  if (used < text.size()) {
    throw ApiError(
        400,
        fmt::format("The body cannot be read as JSON: there is more text after its end, at byte {}", used));
  }
  parsed_->value.emplace(parser.handler().release());
  if (!parsed_->value->is_object()) throw ApiError(400, "The body must be a JSON object");
}

JsonBody::~JsonBody() = default;

const json::object& JsonBody::object() const {
  return parsed_->value->get_object();
}

}  // namespace rerank::api
