// The text of a prompt with placeholders for the fields, as in prompt files.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "prompt/prompt.h"

namespace rerank {

// The placeholders: {instruction}, {query}, {document}; {if instruction} and {end} enclose what is omitted if
// there is no instruction; {{ and }} are literal braces. Throws Error{kInvalidArgument} that begins with
// `name` and says what is wrong at which byte.
std::vector<PromptText> parse_prompt_text(std::string_view text, std::string_view name);

// The inverse of parse_prompt_text.
std::string print_prompt_text(const std::vector<PromptText>& texts);

}  // namespace rerank
