// Typed access to the fields of a request, by the table of request_fields.h; errors name the field. null is
// the same as absent.
#pragma once

#include <boost/json/fwd.hpp>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/request_fields.h"

namespace rerank::api {

// A view: the object must outlive it.
class FieldReader {
 public:
  FieldReader(const boost::json::object& object, FieldUse use) : object_(object), use_(use) {}

  // nullptr when it is absent. REQUIRES: the field belongs to this use.
  const boost::json::value* find(Field field) const;
  bool has(Field field) const { return find(field) != nullptr; }
  bool has_any(std::span<const Field> fields) const;

  // Each throws ApiError for a value of another type.
  std::string_view string_or_empty(Field field) const;
  // One string or a list of strings; empty when absent. The views are valid as long as the object.
  std::vector<std::string_view> strings(Field field, std::size_t max_strings) const;
  std::optional<bool> flag(Field field) const;  // also the strings "true" and "false", in any case
  // Numbers out of range become the nearest limit; with a point or an exponent they must be below 2^63.
  std::optional<std::int32_t> integer(Field field) const;
  std::int32_t count(Field field) const;  // not negative; 0 when absent
  const boost::json::object* object(Field field) const;

 private:
  const boost::json::object& object_;
  FieldUse use_;
};

}  // namespace rerank::api
