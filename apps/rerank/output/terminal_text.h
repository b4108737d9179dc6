// Text for a terminal: how wide it is there, clipped to a width, and harmless.
#pragma once

#include <string>
#include <string_view>

namespace rerank::cli {

// `text` with every character that could steer a terminal made visible or blank: tabs and line ends become
// spaces, other control characters their pictures (U+2400...), those without a picture, bidirectional
// controls and malformed bytes U+FFFD. So a document can't move the cursor, colour the screen or hide what
// follows it.
std::string harmless(std::string_view text);

// Cells that `text` takes on a terminal. REQUIRES: harmless, valid UTF-8.
int display_width(std::string_view text);

// `text` as far as `width` cells hold it, ending in "…" if that cut it. REQUIRES: as display_width; width
// >= 1.
std::string clipped(std::string_view text, int width);

// Whether this descriptor is a terminal, how wide that is (COLUMNS, then the terminal's own, then 100), and
// whether it wants colours (NO_COLOR unset or empty, TERM not "dumb").
bool is_terminal(int descriptor);
int terminal_width(int descriptor);
bool wants_colour(int descriptor);

}  // namespace rerank::cli
