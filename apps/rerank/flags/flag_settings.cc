#include "apps/rerank/flags/flag_settings.h"

#include <fmt/format.h>
#include <stdlib.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>

#include "apps/rerank/command.h"
#include "text/json_writer.h"

namespace rerank::cli {
namespace {

using Group = SettingGroup;

constexpr const char* kConfigFlag = "--config";

bool is_one_of(const std::string& name, std::initializer_list<const char*> names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool was_given(const CLI::App& command, const char* name) {
  const CLI::Option* const option = command.get_option_no_throw(name);
  return option != nullptr && option->count() > 0;
}

// The table's entry and the name of the flag that it belongs to.
std::optional<SettingFlag> setting_flag(const CLI::App& command, CLI::Option* option) {
  for (const std::string& name : option->get_lnames()) {
    std::string key = name;
    std::replace(key.begin(), key.end(), '-', '_');
    if (key == "model") key = "model_path";
    if (const KnownSetting* const setting = find_setting(key))
      return SettingFlag{setting, option, "--" + name};
  }
  const bool is_model = option->get_positional() && option->get_name(true) == "MODEL";
  // Where more arguments follow, nobody could say which of them is missing.
  if (is_model && command.get_name() == "inspect")
    return SettingFlag{find_setting("model_path"), option, "MODEL"};
  return std::nullopt;
}

// Whether the command asks a service instead of loading a model.
bool is_remote(const CLI::App& command) {
  if (command.get_name() == "bench") return !was_given(command, "--offline");
  return was_given(command, "--url") || was_given(command, "--remote");
}

bool is_of_the_service(const KnownSetting& setting) {
  return setting.group == Group::kService || setting.group == Group::kEngine || setting.key == "api_key";
}

// Whether this run of the command has a use for the setting: what a cold start needs means nothing to a
// client, and RERANK_URL alone makes no client of a cold start.
bool has_use_for(const CLI::App& command, const KnownSetting& setting) {
  if (command.get_name() == "serve") return is_of_the_service(setting);
  if (command.get_name() == "bench") {
    const bool is_target = is_one_of(std::string(setting.key), {"url", "api_key", "model"});
    return is_remote(command) ? is_target : setting.group == Group::kEngine;
  }
  return setting.group == Group::kRequest ||
         setting.group == (is_remote(command) ? Group::kClient : Group::kEngine);
}

// Whether the command line answers by another name what the flag asks.
bool is_answered(const CLI::App& command, const SettingFlag& flag) {
  if (flag.option->count() > 0) return true;
  if (flag.setting->key == "model_path") return was_given(command, "MODEL");
  return false;
}

// As the words of the command line would be.
std::vector<std::string> words_for(const SettingFlag& flag, const Settings& settings) {
  const Setting& setting = *settings.find(flag.setting->key);
  if (flag.is_switch()) {
    const std::string answer = *settings.flag(flag.setting->key) ? "true" : "false";
    return {flag.option->get_flag_value(flag.flag.substr(2), answer)};
  }
  if (flag.option->get_multi_option_policy() == CLI::MultiOptionPolicy::TakeAll) return setting.values;
  // A service wants any of several keys; a client sends the first.
  const bool first_counts = flag.setting->group == Group::kClient || setting.values.size() == 1;
  return {first_counts ? setting.values.front() : json_list(setting.values)};
}

void export_settings(const Settings& settings) {
  for (const KnownSetting& known : known_settings()) {
    if (known.group != Group::kEnvironment) continue;
    const Setting* const setting = settings.find(known.key);
    if (setting == nullptr || setting->source.kind != SettingSource::Kind::kFile) continue;
    setenv(variables_of(known).front().c_str(), setting->values.front().c_str(), 1);
  }
}

bool names_flag(const std::string& message, const std::string& flag) {
  for (std::size_t at = message.find(flag); at != std::string::npos; at = message.find(flag, at + 1)) {
    const std::size_t end = at + flag.size();
    const bool goes_on =
        end < message.size() && (std::isalnum(static_cast<unsigned char>(message[end])) != 0 ||
                                 message[end] == '-' || message[end] == '_');
    if (!goes_on) return true;
  }
  return false;
}

// A table of the file is for its command alone, so every key in it must be a setting of that command.
void require_fitting_table(const CLI::App& command, const std::string& section, const Settings& settings) {
  if (section == "client") return;
  for (const KnownSetting& known : known_settings()) {
    const Setting* const setting = settings.find(known.key);
    if (setting == nullptr || !setting->source.name.starts_with('[')) continue;
    const bool is_of_others =
        known.group == Group::kEnvironment || (known.group == Group::kScript && section == "serve");
    // In such a table `model` is what is loaded, by its other key.
    const KnownSetting& meant = known.key == "model" ? *find_setting("model_path") : known;
    if (is_of_others || has_use_for(command, known) || has_use_for(command, meant)) continue;
    throw UsageError(
        fmt::format("{}: rerank {} has no such setting", settings.described(known.key), section));
  }
}

Settings load(const CLI::App& command) {
  SettingsOptions options;
  const bool is_client = is_remote(command) && command.get_name() != "bench";
  options.section = is_client ? "client" : command.get_name();
  const CLI::Option* const config = command.get_option_no_throw(kConfigFlag);
  if (config != nullptr && config->count() > 0) options.config_file = config->results().back();
  try {
    Settings settings = Settings::load(options);
    require_fitting_table(command, options.section, settings);
    return settings;
  } catch (const Error& error) {
    throw UsageError(error.what());
  }
}

}  // namespace

bool SettingFlag::is_switch() const {
  return option->get_items_expected_max() == 0;
}

std::vector<SettingFlag> setting_flags(const CLI::App& command) {
  std::vector<SettingFlag> flags;
  const std::string& name = command.get_name();
  // What pull has flags for is of one call; its --cache-dir is another cache than that of packed weights.
  if (!takes_settings(command) || name == "pull") return flags;
  for (const CLI::Option* listed : command.get_options()) {
    // The list is of const options; the command owns them.
    auto* const option = const_cast<CLI::Option*>(listed);
    const std::optional<SettingFlag> flag = setting_flag(command, option);
    if (!flag) continue;
    const bool is_elsewhere = name == "bench"
                                  ? flag->setting->group == Group::kService || flag->setting->key == "timeout"
                              : name == "serve" ? !is_of_the_service(*flag->setting)
                                                : flag->setting->group == Group::kService;
    if (!is_elsewhere) flags.push_back(*flag);
  }
  return flags;
}

bool takes_settings(const CLI::App& command) {
  const CLI::App* const parent = command.get_parent();
  const bool is_part_of_bench = parent != nullptr && parent->get_name() == "bench";
  return !is_part_of_bench && !is_one_of(command.get_name(), {"synth", "remote", "help", "config", "rerank"});
}

const CLI::App& named_command(const CLI::App& program) {
  const CLI::App* command = &program;
  while (!command->get_subcommands().empty()) command = command->get_subcommands().front();
  return *command;
}

CLI::Option* add_config_flag(CLI::App& command) {
  const auto ignore = [](const CLI::results_t&) { return true; };
  return command
      .add_option(kConfigFlag, ignore,
                  "settings file; default $RERANK_CONFIG, then ./rerank.toml, then "
                  "~/.config/rerank/rerank.toml. The environment and .env override it, see rerank config")
      ->type_name("FILE");
}

void add_config_flags(CLI::App& program) {
  for (CLI::App* command : program.get_subcommands([](CLI::App*) { return true; })) {
    if (takes_settings(*command)) add_config_flag(*command);
  }
}

SettingsMayFollow::SettingsMayFollow(const CLI::App& program) {
  for (const CLI::App* command : program.get_subcommands([](const CLI::App*) { return true; })) {
    for (const SettingFlag& flag : setting_flags(*command)) {
      if (flag.option->get_required()) required_.push_back(flag.option);
    }
  }
  for (CLI::Option* option : required_) option->required(false);
}

SettingsMayFollow::~SettingsMayFollow() {
  for (CLI::Option* option : required_) option->required(true);
}

void SettingsMayFollow::require_all(const CLI::App& command) const {
  for (const CLI::Option* option : command.get_options()) {
    const bool is_required = std::find(required_.begin(), required_.end(), option) != required_.end();
    if (is_required && option->count() == 0) throw UsageError(option->get_name() + " is required");
  }
}

FlagSettings::FlagSettings(const CLI::App& program) {
  const CLI::App& command = named_command(program);
  if (!takes_settings(command)) return;
  settings_ = load(command);
  export_settings(*settings_);
  const bool has_key_file =
      was_given(command, "--api-key-file") || settings_->find("api_key_file") != nullptr;
  for (SettingFlag flag : setting_flags(command)) {
    if (flag.setting->key == "model_path" && is_remote(command)) flag.setting = find_setting("model");
    const bool is_replaced = flag.setting->key == "api_key" && has_key_file && command.get_name() == "serve";
    if (is_replaced || is_answered(command, flag) || !has_use_for(command, *flag.setting)) continue;
    if (settings_->find(flag.setting->key) != nullptr) fill(flag);
  }
}

void FlagSettings::fill(const SettingFlag& flag) {
  const std::string described = settings_->described(flag.setting->key);
  try {
    for (const std::string& word : words_for(flag, *settings_)) flag.option->add_result(word);
    flag.option->run_callback();
  } catch (const CLI::ValidationError& error) {
    std::string reason = error.what();
    const std::string name = flag.option->get_name() + ": ";
    if (reason.starts_with(name)) reason.erase(0, name.size());
    throw UsageError(flag.setting->is_secret ? described : described + ": " + reason);
  } catch (const CLI::Error&) {
    throw UsageError(fmt::format("{}: {} takes no such value", described, flag.flag));
  } catch (const Error& error) {
    throw UsageError(error.what());
  }
  filled_.push_back(flag);
}

std::string FlagSettings::origins(const std::string& message) const {
  std::string text;
  for (const SettingFlag& flag : filled_) {
    const bool is_model = flag.setting->key == "model_path";
    const bool is_meant = names_flag(message, flag.flag) ||
                          (is_model && message.find(settings_->get("model_path")) != std::string::npos);
    if (is_meant)
      text += fmt::format("\n{} comes from {}", flag.flag, settings_->described(flag.setting->key));
  }
  return text;
}

}  // namespace rerank::cli
