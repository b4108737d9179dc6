// Text that others wrote, such as a key of a file or a field of a request, as a message may hold it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace rerank {

// On one line and unable to steer a terminal: `?` replaces what steers_output(), and for each byte that is
// not UTF-8. What is longer than `max_bytes` is cut between characters and ends in "...".
std::string shown_text(std::string_view text, std::size_t max_bytes = 100);

// The same of prose, such as the body of an error: each run of blanks, line ends and whatever else
// steers_output() becomes one blank.
std::string shown_prose(std::string_view text, std::size_t max_bytes = 300);

// Whether something that shows text would obey this code point instead: a terminal, a reader of lines,
// whatever lays out text by its direction. C0 and C1 controls, DEL, the line and the paragraph separator,
// bidirectional controls.
bool steers_output(std::int32_t code_point);

}  // namespace rerank
