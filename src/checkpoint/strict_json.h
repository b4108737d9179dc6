// JSON as this room wants it: one document, no key twice in an object, numbers exact. What the values mean is
// decided by the readers of config.json and of safetensors.
#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <string_view>

#include "base/shown_text.h"

namespace rerank {

// Throws Error{kInvalidArgument} that starts with `name` (a file, for people) and says where the text is no
// JSON, which key occurs twice, or that it is nested deeper than 32 levels.
boost::json::value parse_strict_json(std::string_view text, std::string_view name);

// A value for messages, see shown_text.
std::string shown_text(const boost::json::value& value);

}  // namespace rerank
