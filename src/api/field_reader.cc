#include "api/field_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cmath>
#include <limits>

#include "api/api_error.h"
#include "base/ascii.h"
#include "rerank/error.h"
#include "text/strict_json.h"

namespace rerank::api {
namespace {

namespace json = boost::json;

[[noreturn]] void refuse_as(Field field, std::string_view wanted, std::string_view given) {
  const std::string_view name = field_spec(field).name;
  throw ApiError(400, fmt::format("{} must be {}, not {}", name, wanted, given), name);
}

[[noreturn]] void refuse(Field field, std::string_view wanted, const json::value& value) {
  refuse_as(field, wanted, kind_of(value));
}

std::string_view view(const json::string& text) {
  return {text.data(), text.size()};
}

}  // namespace

const json::value* FieldReader::find(Field field) const {
  const FieldSpec& spec = field_spec(field);
  check((spec.uses & use_) != 0, "a field is read that the table does not give to this request");
  const json::value* value = object_.if_contains(spec.name);
  return value == nullptr || value->is_null() ? nullptr : value;
}

bool FieldReader::has_any(std::span<const Field> fields) const {
  return std::any_of(fields.begin(), fields.end(), [this](Field field) { return has(field); });
}

std::string_view FieldReader::string_or_empty(Field field) const {
  const json::value* value = find(field);
  if (value == nullptr) return {};
  if (!value->is_string()) refuse(field, "a string", *value);
  return view(value->get_string());
}

std::vector<std::string_view> FieldReader::strings(Field field, std::size_t max_strings) const {
  const json::value* value = find(field);
  if (value == nullptr) return {};
  if (value->is_string()) return {view(value->get_string())};
  if (!value->is_array()) refuse(field, "a list of strings", *value);
  const json::array& list = value->get_array();
  if (list.size() > max_strings) {
    const std::string_view name = field_spec(field).name;
    throw ApiError(400,
                   fmt::format("{} has {} entries, more than the {} that one request may have", name,
                               list.size(), max_strings),
                   name);
  }
  std::vector<std::string_view> strings;
  strings.reserve(list.size());
  for (const json::value& element : list) {
    if (!element.is_string()) refuse(field, "a list of strings", element);
    strings.push_back(view(element.get_string()));
  }
  return strings;
}

std::optional<bool> FieldReader::flag(Field field) const {
  const json::value* value = find(field);
  if (value == nullptr) return std::nullopt;
  if (value->is_bool()) return value->get_bool();
  if (value->is_string() && equal_in_any_case(view(value->get_string()), "true")) return true;
  if (value->is_string() && equal_in_any_case(view(value->get_string()), "false")) return false;
  refuse(field, "true or false", *value);
}

std::optional<std::int32_t> FieldReader::integer(Field field) const {
  constexpr std::int64_t kLeast = std::numeric_limits<std::int32_t>::min();
  constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();
  const json::value* value = find(field);
  if (value == nullptr) return std::nullopt;
  if (value->is_int64()) return static_cast<std::int32_t>(std::clamp(value->get_int64(), kLeast, kMost));
  if (value->is_uint64()) return static_cast<std::int32_t>(kMost);
  if (!value->is_double()) refuse(field, "an integer", *value);
  constexpr double kEnd = 9223372036854775808.0;  // 2^63
  const double number = value->get_double();
  if (!(std::abs(number) < kEnd)) refuse_as(field, "an integer", "a number this large");
  if (std::trunc(number) != number) refuse_as(field, "an integer", "a fraction");
  return static_cast<std::int32_t>(
      std::clamp(number, static_cast<double>(kLeast), static_cast<double>(kMost)));
}

std::int32_t FieldReader::count(Field field) const {
  const std::int32_t count = integer(field).value_or(0);
  if (count >= 0) return count;
  const std::string_view name = field_spec(field).name;
  throw ApiError(400, fmt::format("{} must be a non-negative integer", name), name);
}

const json::object* FieldReader::object(Field field) const {
  const json::value* value = find(field);
  if (value == nullptr) return nullptr;
  if (!value->is_object()) refuse(field, "an object", *value);
  return &value->get_object();
}

}  // namespace rerank::api
