// JSON read strictly: one document, no key twice in an object, numbers exact. What the values mean is decided
// by its readers.
#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <string_view>

#include "base/shown_text.h"

namespace rerank {

// Throws Error{kInvalidArgument} that starts with `name` (a file, for people) and says where the text is no
// JSON, which key occurs twice, or that it is nested deeper than 32 levels, and ends in `advice`.
boost::json::value parse_strict_json(std::string_view text, std::string_view name,
                                     std::string_view advice = "download the file again");

// A value for messages, see shown_text.
std::string shown_text(const boost::json::value& value);

}  // namespace rerank
