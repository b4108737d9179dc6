#include "model/config_reader.h"

#include <fmt/format.h>

#include <cmath>

#include "text/strict_json.h"

namespace rerank {

namespace json = boost::json;

ConfigReader::ConfigReader(std::string_view text, std::string name)
    : root_(std::make_shared<const json::value>(parse_strict_json(text, name))), name_(std::move(name)) {
  object_ = root_->if_object();
  require(object_ != nullptr,
          fmt::format("{}: must be a JSON object; download the model's files again", name_));
}

const json::value* ConfigReader::find(std::string_view key) const {
  const json::value* value = object_->if_contains(key);
  return value == nullptr || value->is_null() ? nullptr : value;
}

const json::value& ConfigReader::get(std::string_view key) const {
  const json::value* value = find(key);
  if (value == nullptr) refuse(key, "is missing; download the file again");
  return *value;
}

std::int32_t ConfigReader::integer(std::string_view key, std::int64_t min, std::int64_t max) const {
  const json::value& value = get(key);
  if (!value.is_int64() || value.get_int64() < min || value.get_int64() > max) {
    refuse(key, fmt::format("is {}, but must be a whole number from {} to {}; download the file again",
                            shown_text(value), min, max));
  }
  return static_cast<std::int32_t>(value.get_int64());
}

double ConfigReader::positive(std::string_view key) const {
  const json::value& value = get(key);
  const double number = value.is_double()  ? value.get_double()
                        : value.is_int64() ? static_cast<double>(value.get_int64())
                                           : 0;
  if (!(number > 0) || !std::isfinite(number)) {
    refuse(key,
           fmt::format("is {}, but must be a number above 0; download the file again", shown_text(value)));
  }
  return number;
}

bool ConfigReader::flag(std::string_view key, bool otherwise) const {
  const json::value* value = find(key);
  if (value == nullptr) return otherwise;
  if (!value->is_bool()) refuse(key, fmt::format("is {}, but must be true or false", shown_text(*value)));
  return value->get_bool();
}

std::string_view ConfigReader::text(std::string_view key) const {
  const json::value& value = get(key);
  if (!value.is_string()) refuse(key, fmt::format("is {}, but must be a string", shown_text(value)));
  return {value.get_string().data(), value.get_string().size()};
}

ConfigReader ConfigReader::inner(std::string_view key) const {
  return {root_, get(key).as_object(), fmt::format("{}: {}", name_, key)};
}

void ConfigReader::refuse(std::string_view key, std::string_view what, ErrorCode code) const {
  throw Error(code, fmt::format("{}: {} {}", name_, shown_text(key), what));
}

}  // namespace rerank
