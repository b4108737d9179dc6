// How the help of the program looks, and what flags a command has.
#pragma once

#include <memory>
#include <string>
#include <vector>

namespace CLI {  // NOLINT(readability-identifier-naming): not ours
class App;
class FormatterBase;
}  // namespace CLI

namespace rerank::cli {

// Usage with the required flags spelled out, flags in groups, descriptions wrapped, examples last.
std::shared_ptr<CLI::FormatterBase> help_formatter();

// All flags of `command` as they are typed, dashes included.
std::vector<std::string> flag_names(const CLI::App& command);

}  // namespace rerank::cli
