// From the words of a command line to flags that are set, settings included, or to a sentence on what is
// wrong with them. Runs nothing.
#pragma once

#include <string>
#include <vector>

#include "apps/rerank/flags/flag_settings.h"

namespace CLI {  // NOLINT(readability-identifier-naming): not ours
class App;
}

namespace rerank::cli {

// Parses `words`, which come after the program's name, and takes from settings what they leave open. Throws
// UsageError; CLI::CallForHelp and CLI::CallForVersion, before any setting is read.
FlagSettings parse_command_line(CLI::App& program, const std::vector<std::string>& words);

// "unknown command ..." with the nearest known one.
std::string unknown_command(const CLI::App& program, const std::string& name);

// "unknown flag ..." with the nearest known one of `command`.
std::string unknown_flag(const CLI::App& command, const std::string& word);

}  // namespace rerank::cli
