// The one table of settings: their keys, what they are called in the environment, and who reads them. What a
// flag of the program takes is the flag's own business: this table only says that it may come from a setting.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace rerank {

enum class SettingGroup {
  kEngine,       // how a model is loaded and run
  kRequest,      // of every request that a command makes
  kService,      // rerank serve
  kClient,       // who asks a service
  kScript,       // scripts/start_rerank.sh alone
  kEnvironment,  // what the program loads reads it from the environment, where the program puts it
};

struct KnownSetting {
  std::string_view key;  // in TOML; a flag's name with _ for -
  SettingGroup group = SettingGroup::kEngine;
  std::vector<std::string_view> other_keys = {};       // in TOML, after `key`
  std::vector<std::string_view> other_variables = {};  // in the environment, after RERANK_KEY
  std::string_view help = {};  // for what is not a flag of the program; empty: the flag's own
  bool is_secret = false;      // shown to nobody
  bool is_words = false;       // several words are several values
  bool may_be_empty = false;   // an empty variable says something
};

const std::vector<KnownSetting>& known_settings();

// Null if `key` is none's, first or other.
const KnownSetting* find_setting(std::string_view key);

// In the order in which they count. RERANK_KEY leads, but where the environment belongs to others.
std::vector<std::string> variables_of(const KnownSetting& setting);

// Of all settings, with their other names.
std::vector<std::string> all_keys();
std::vector<std::string> all_variables();

// The tables that a TOML file may have.
const std::vector<std::string>& setting_sections();

// Whether a variable RERANK_... does not concern settings: of this project's builds and tests, read
// elsewhere, or made by Kubernetes for a service that is called rerank, as RERANK_PORT=tcp://10.0.0.1:8000
// is.
bool belongs_to_others(std::string_view variable, std::string_view value);

// Whether a variable names what this process loads and runs. A file that happens to lie in the working folder
// must not choose that.
bool is_for_the_environment_only(std::string_view variable);

}  // namespace rerank
