// Text that others wrote, such as a key of a file or a field of a request, as a message may hold it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace rerank {

// On one line and unable to steer a terminal: `?` replaces what steers_output(), and for each byte that is
// not UTF-8. What is longer than `max_bytes` is cut between characters and ends in "...".
std::string shown_text(std::string_view text, std::size_t max_bytes = 100);

}  // namespace rerank
