// Which value each setting has and where it comes from. config_formats prints them.
#pragma once

#include <string>
#include <vector>

#include "rerank/settings.h"
#include "settings/known_settings.h"

namespace CLI {  // NOLINT(readability-identifier-naming): not ours
class App;
}

namespace rerank::cli {

struct ConfigRow {
  const KnownSetting* setting;
  std::string value;  // of a default: empty where it is nothing, or found out later
  SettingSource source;

  bool is_set() const { return source.kind != SettingSource::Kind::kDefault; }
};

struct ConfigReport {
  std::string command;             // empty: of all settings, whatever the command
  std::vector<std::string> files;  // that were read
  std::vector<ConfigRow> rows;
};

// Of every setting; of the tables that are for one command only `table`, if any, counts. Throws UsageError.
ConfigReport config_of_all(CLI::App& program, const std::string& table, const std::string& config_file);

// As the command line `words`, which begins with a command, would have it. Throws UsageError.
ConfigReport config_of_command(CLI::App& program, const std::vector<std::string>& words);

}  // namespace rerank::cli
