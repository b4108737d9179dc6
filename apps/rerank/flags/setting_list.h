// The list of all settings, put together from the one table and the flags of the program, so that neither can
// say something else.
#pragma once

#include <string>

namespace CLI {  // NOLINT(readability-identifier-naming): not ours
class App;
}

namespace rerank::cli {

// `format`: "text", "json" or "markdown".
std::string list_of_settings(const CLI::App& program, const std::string& format);

}  // namespace rerank::cli
