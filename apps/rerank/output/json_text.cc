#include "apps/rerank/output/json_text.h"

#include <fmt/format.h>

#include <boost/json/serialize.hpp>
#include <boost/json/stream_parser.hpp>
#include <boost/json/value.hpp>
#include <cmath>
#include <utility>

#include "rerank/error.h"

namespace rerank::cli {
namespace {

[[noreturn]] void refuse(std::string_view place, std::string_view what) {
  throw Error(ErrorCode::kInvalidArgument, fmt::format("{}: {}", place, what));
}

std::string_view kind_name(const boost::json::value& value) {
  switch (value.kind()) {
    case boost::json::kind::null:
      return "null";
    case boost::json::kind::bool_:
      return "true or false";
    case boost::json::kind::string:
      return "a string";
    case boost::json::kind::array:
      return "a list";
    case boost::json::kind::object:
      return "an object";
    default:
      return "a number";
  }
}

}  // namespace

boost::json::object parse_object(std::string_view text, std::string_view place) {
  boost::json::stream_parser parser;
  boost::system::error_code error;
  // write_some, not write: it tells where it stopped.
  const std::size_t used = parser.write_some(text.data(), text.size(), error);
  if (!error && !parser.done()) parser.finish(error);
  if (error) refuse(place, fmt::format("not a JSON object: {} at byte {}", error.message(), used + 1));
  if (text.find_first_not_of(" \t\r\n", used) != std::string_view::npos) {
    refuse(place, fmt::format("one JSON object expected, more text follows it at byte {}", used + 1));
  }
  boost::json::value value = parser.release();
  if (!value.is_object()) refuse(place, fmt::format("a JSON object expected, found {}", kind_name(value)));
  return std::move(value.get_object());
}

std::string_view text_field(const boost::json::object& object, std::string_view name,
                            std::string_view place) {
  const boost::json::value* value = object.if_contains(name);
  if (value == nullptr) {
    std::string present;
    for (const auto& field : object) present += (present.empty() ? "" : ", ") + json_string(field.key());
    refuse(place, fmt::format("the object has no field \"{}\"{}", name,
                              present.empty() ? std::string() : "; it has " + present));
  }
  if (!value->is_string()) {
    refuse(place, fmt::format("the field \"{}\" must be a string, not {}", name, kind_name(*value)));
  }
  return value->get_string();
}

std::string_view optional_text_field(const boost::json::object& object, std::string_view name,
                                     std::string_view place) {
  const boost::json::value* value = object.if_contains(name);
  return value == nullptr || value->is_null() ? std::string_view() : text_field(object, name, place);
}

std::string json_string(std::string_view text) {
  return boost::json::serialize(boost::json::string_view(text));
}

std::string number(float value) {
  check(std::isfinite(value), "a score that is not a number");
  return fmt::format("{}", value);
}

}  // namespace rerank::cli
