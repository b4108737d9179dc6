// Which flags of a command may come from settings, and the step that fills them in. What the settings say is
// src/settings' business.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "rerank/settings.h"
#include "settings/known_settings.h"

namespace CLI {  // NOLINT(readability-identifier-naming): not ours
class App;
class Option;
}  // namespace CLI

namespace rerank::cli {

// A setting and the flag of a command that it gives a value to.
struct SettingFlag {
  const KnownSetting* setting;
  CLI::Option* option;
  std::string flag;  // "--port", as it is typed; of an argument its name

  bool is_switch() const;  // whether it takes no value
};

// All flags of `command` that settings can give a value to, in any mode of it.
std::vector<SettingFlag> setting_flags(const CLI::App& command);

// Whether the files and the environment concern `command` at all, if only for what it loads.
bool takes_settings(const CLI::App& command);

// The innermost command that the command line named; the program itself if it named none.
const CLI::App& named_command(const CLI::App& program);

// Adds --config FILE to every command that takes settings.
void add_config_flags(CLI::App& program);
CLI::Option* add_config_flag(CLI::App& command);

// While it lives, no flag that a setting may give is required.
class SettingsMayFollow {
 public:
  explicit SettingsMayFollow(const CLI::App& program);
  ~SettingsMayFollow();
  SettingsMayFollow(const SettingsMayFollow&) = delete;
  SettingsMayFollow& operator=(const SettingsMayFollow&) = delete;

  // Throws UsageError naming a flag of `command` that is required and has no value still.
  void require_all(const CLI::App& command) const;

 private:
  std::vector<CLI::Option*> required_;
};

// What the settings gave to the command that was parsed.
class FlagSettings {
 public:
  // Reads the settings and sets the flags that the command line does not. REQUIRES: the program is parsed.
  // Throws UsageError naming the source of what is wrong.
  explicit FlagSettings(const CLI::App& program);

  // Unset where the command takes none.
  const std::optional<Settings>& settings() const { return settings_; }
  // Those that a setting gave a value to.
  const std::vector<SettingFlag>& filled() const { return filled_; }
  // Tells of each flag that `message` names where it comes from, if that is a setting; otherwise empty.
  std::string origins(const std::string& message) const;

 private:
  void fill(const SettingFlag& flag);

  std::optional<Settings> settings_;
  std::vector<SettingFlag> filled_;
};

}  // namespace rerank::cli
