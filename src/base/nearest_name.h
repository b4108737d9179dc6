// Which known name a mistyped one is nearest to.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace rerank {

// The entry of `known` with the fewest letters to insert, drop, change or swap; the first of several. Empty
// if `known` is.
std::string nearest(std::string_view name, const std::vector<std::string>& known);

// "; did you mean NAME?", to end an error with; empty if none is near enough to have been meant: a
// letter in three may be wrong.
std::string suggestion(std::string_view name, const std::vector<std::string>& known);

}  // namespace rerank
