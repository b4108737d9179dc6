// Characters of UTF-8 text, and which of them must not reach a log, a terminal or an error message as they
// are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace rerank {

struct TextCharacter {
  std::int32_t code_point = -1;  // negative: no UTF-8
  std::size_t num_bytes = 1;
};

// The one at the start of `text`. REQUIRES: text is not empty.
TextCharacter first_character(std::string_view text);

// Whether something that shows text would obey it instead: a terminal, a reader of lines, whoever sets text
// in its direction. C0 and C1 controls, DEL, the line and the paragraph separator, bidirectional controls.
bool steers_output(std::int32_t code_point);

}  // namespace rerank
