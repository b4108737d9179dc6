// Fields of a request by the table of request_fields.h: of the right type, or refused by name. null is the
// same as absent.
#pragma once

#include <boost/json/fwd.hpp>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/request_fields.h"

namespace rerank::api {

// "a string", "a list" and so on, for messages.
std::string_view kind_of(const boost::json::value& value);

// A view: the object must outlive it.
class FieldReader {
 public:
  FieldReader(const boost::json::object& object, FieldUse use) : object_(object), use_(use) {}

  // Null when it is absent. REQUIRES: the field belongs to this use.
  const boost::json::value* find(Field field) const;
  bool has(Field field) const { return find(field) != nullptr; }
  std::optional<Field> first_of(std::initializer_list<Field> fields) const;

  // Each throws ApiError for a value of another type.
  std::string_view string_or_empty(Field field) const;
  std::vector<std::string> strings(Field field) const;  // empty when absent
  std::optional<bool> flag(Field field) const;          // "true" and "false" count, in any case
  std::optional<bool> first_flag_of(std::initializer_list<Field> fields) const;
  std::optional<std::int32_t> integer(Field field) const;  // beyond the type: its end
  std::int32_t count(Field field) const;                   // not negative; 0 when absent
  const boost::json::object* object(Field field) const;

 private:
  const boost::json::object& object_;
  FieldUse use_;
};

}  // namespace rerank::api
