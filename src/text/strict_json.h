// Strict parsing of JSON: one document, exact numbers, no duplicate keys by default.
#pragma once

#include <boost/json/storage_ptr.hpp>
#include <boost/json/value.hpp>
#include <string>
#include <string_view>

#include "base/shown_text.h"

namespace rerank {

struct JsonRules {
  std::string_view advice = "download the file again";  // what to do about an invalid text
  bool unique_keys = true;                              // otherwise the last value of a duplicate key counts
  boost::json::storage_ptr storage = {};                // for the value
};

// Throws Error{kInvalidArgument} that starts with `name` (a file, for people), says where the text is not
// valid JSON, which key occurs twice, or that it is nested deeper than 32 levels, and ends with the advice.
boost::json::value parse_strict_json(std::string_view text, std::string_view name,
                                     const JsonRules& rules = {});

// The same for a text that must be an object.
boost::json::object parse_json_object(std::string_view text, std::string_view name,
                                      const JsonRules& rules = {});

// "a string", "a list" and so on, for messages.
std::string_view kind_of(const boost::json::value& value);

// A value for messages, see shown_text.
std::string shown_text(const boost::json::value& value);

}  // namespace rerank
