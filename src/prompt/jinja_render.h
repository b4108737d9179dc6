// Renders a chat template: text, outputs and statements in order. For expressions see jinja_expression.h.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "prompt/jinja_lexer.h"
#include "prompt/jinja_value.h"

namespace rerank::jinja {

// Throws like refuse in jinja_lexer.h. Branches that are not taken may contain anything.
std::vector<PromptText> render(const std::vector<Node>& nodes,
                               std::map<std::string, Value, std::less<>> variables, std::string_view name);

}  // namespace rerank::jinja
