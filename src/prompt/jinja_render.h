// What a chat template writes: its text, outputs and statements in turn, see jinja_expression.h.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "prompt/jinja_lexer.h"
#include "prompt/jinja_value.h"

namespace rerank::jinja {

// Throws as refuse of jinja_lexer.h. Branches that are not taken may hold anything.
std::vector<PromptText> render(const std::vector<Node>& nodes,
                               std::map<std::string, Value, std::less<>> variables, std::string_view name);

}  // namespace rerank::jinja
