// Texts of strangers for people: on one line, without what steers a terminal, and not too long.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace rerank::client {

// Runs of blanks and of what steers_output become one blank, what is no UTF-8 a mark; of a text longer than
// `max_bytes` the beginning and "...".
std::string shown(std::string_view text, std::size_t max_bytes = 300);

}  // namespace rerank::client
