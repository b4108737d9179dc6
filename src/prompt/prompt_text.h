// A prompt's text with marks in place of the fields, as prompt files have it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "prompt/prompt.h"

namespace rerank {

// The marks: {instruction}, {query}, {document}; {if instruction} and {end} around what is left out where
// there is no instruction; {{ and }} are braces. Throws Error{kInvalidArgument} that begins with `name` and
// says what is wrong at which byte.
std::vector<PromptText> parse_prompt_text(std::string_view text, std::string_view name);

// The text that parse_prompt_text reads as `texts`.
std::string print_prompt_text(const std::vector<PromptText>& texts);

}  // namespace rerank
