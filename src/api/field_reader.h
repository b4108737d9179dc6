// Fields of a request by the table of request_fields.h: of the right type, or refused by name. null is the
// same as absent.
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

  // Null when it is absent. REQUIRES: the field belongs to this use.
  const boost::json::value* find(Field field) const;
  bool has(Field field) const { return find(field) != nullptr; }
  bool has_any(std::span<const Field> fields) const;

  // Each throws ApiError for a value of another type.
  std::string_view string_or_empty(Field field) const;
  // One string or a list of them; none when absent. Views: of the object's own texts.
  std::vector<std::string_view> strings(Field field, std::size_t max_strings) const;
  std::optional<bool> flag(Field field) const;  // "true" and "false" count, in any case
  // Beyond the type: its end. A number written with a point or an exponent must be below 2^63.
  std::optional<std::int32_t> integer(Field field) const;
  std::int32_t count(Field field) const;  // not negative; 0 when absent
  const boost::json::object* object(Field field) const;

 private:
  const boost::json::object& object_;
  FieldUse use_;
};

}  // namespace rerank::api
