// How the help of the program looks, and which known name is nearest to a mistyped one.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace CLI {  // NOLINT(readability-identifier-naming): not ours
class App;
class FormatterBase;
}  // namespace CLI

namespace rerank::cli {

// Usage with the required flags spelled out, flags in groups, descriptions wrapped, examples last.
std::shared_ptr<CLI::FormatterBase> help_formatter();

// The entry of `known` with the fewest letters to insert, drop, change or swap; the first of several. Empty
// if `known` is.
std::string nearest(std::string_view name, const std::vector<std::string>& known);

// All flags of `command` as they are typed, dashes included.
std::vector<std::string> flag_names(const CLI::App& command);

}  // namespace rerank::cli
