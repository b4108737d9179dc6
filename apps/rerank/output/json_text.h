// JSON as the commands read and write it: one value from a line, its text fields, and numbers with their
// shortest exact digits.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <string_view>

namespace rerank::cli {

// The object that `text` is. Throws Error: "PLACE: not a JSON object: ... at byte N".
boost::json::object parse_object(std::string_view text, std::string_view place);

// The string below `name`. Throws Error naming place and field.
std::string_view text_field(const boost::json::object& object, std::string_view name, std::string_view place);

// The same with "" for null and for a missing field.
std::string_view optional_text_field(const boost::json::object& object, std::string_view name,
                                     std::string_view place);

// `text` in quotes and escaped. REQUIRES: valid UTF-8.
std::string json_string(std::string_view text);

// The fewest digits that read back as the same float. Throws Error{kInternal} for what JSON has no number
// for.
std::string number(float value);

}  // namespace rerank::cli
