#include "apps/rerank/commands/config_report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <optional>

#include "apps/rerank/command.h"
#include "apps/rerank/flags/command_line.h"

namespace rerank::cli {
namespace {

using Group = SettingGroup;
using Kind = SettingSource::Kind;

std::string joined(const std::vector<std::string>& values) {
  return fmt::format("{}", fmt::join(values, " "));
}

// Of a switch that is named for what it switches off, the parser keeps the opposite.
std::string in_words_of(const SettingFlag& flag, const std::string& result) {
  if (!flag.is_switch() || flag.option->get_flag_value(flag.flag.substr(2), "true") == "true") return result;
  return result == "true" ? "false" : "true";
}

std::string default_of(const SettingFlag& flag) {
  const std::string value = flag.option->get_default_str();
  if (value == "[]") return "";  // an empty list, as the parser writes it
  return value.empty() && flag.is_switch() ? "false" : value;
}

// The parser must be asked for defaults before anything is parsed.
void keep_defaults(CLI::App& program) {
  for (CLI::App* command : program.get_subcommands([](CLI::App*) { return true; })) {
    for (CLI::Option* option : command->get_options([](CLI::Option*) { return true; })) {
      if (option->get_default_str().empty()) option->capture_default_str();
    }
  }
}

const CLI::Option* model_argument(const CLI::App& command) {
  const CLI::Option* const option = command.get_option_no_throw("MODEL");
  return option != nullptr && option->count() > 0 ? option : nullptr;
}

ConfigRow row_of(const CLI::App& command, const SettingFlag& flag, const FlagSettings& given) {
  for (const SettingFlag& filled : given.filled()) {
    if (filled.option != flag.option) continue;
    const std::string value = in_words_of(flag, joined(flag.option->results()));
    return {filled.setting, value, given.settings()->find(filled.setting->key)->source};
  }
  if (flag.setting->key == "model_path") {
    if (const CLI::Option* const argument = model_argument(command)) {
      return {flag.setting, joined(argument->results()), {Kind::kFlag, "MODEL", "", 0}};
    }
  }
  if (flag.option->count() == 0) return {flag.setting, default_of(flag), {}};
  return {flag.setting, in_words_of(flag, joined(flag.option->results())), {Kind::kFlag, flag.flag, "", 0}};
}

ConfigRow row_of(const KnownSetting& known, const Settings& settings) {
  const Setting* const setting = settings.find(known.key);
  if (setting == nullptr) return {&known, "", {}};
  return {&known, joined(setting->values), setting->source};
}

std::optional<std::string> default_in(const CLI::App& program, const KnownSetting& known) {
  for (const CLI::App* command : program.get_subcommands([](const CLI::App*) { return true; })) {
    for (const SettingFlag& flag : setting_flags(*command)) {
      if (flag.setting == &known) return default_of(flag);
    }
  }
  return std::nullopt;
}

}  // namespace

ConfigReport config_of_all(CLI::App& program, const std::string& table, const std::string& config_file) {
  keep_defaults(program);
  ConfigReport report;
  SettingsOptions options;
  options.section = table;
  options.config_file = config_file;
  try {
    const Settings settings = Settings::load(options);
    report.files = settings.files();
    for (const KnownSetting& known : known_settings()) {
      report.rows.push_back(row_of(known, settings));
      ConfigRow& row = report.rows.back();
      if (!row.is_set()) row.value = default_in(program, known).value_or("");
    }
  } catch (const Error& error) {
    throw UsageError(error.what());
  }
  return report;
}

ConfigReport config_of_command(CLI::App& program, const std::vector<std::string>& words) {
  keep_defaults(program);
  const FlagSettings given = parse_command_line(program, words);
  const CLI::App& command = named_command(program);
  ConfigReport report;
  report.command = command.get_name();
  if (!given.settings()) throw UsageError(fmt::format("rerank {} has no settings", report.command));
  report.files = given.settings()->files();
  for (const SettingFlag& flag : setting_flags(command)) report.rows.push_back(row_of(command, flag, given));
  for (const KnownSetting& known : known_settings()) {
    const bool is_of_the_start = known.group == Group::kScript && report.command == "serve";
    if (known.group == Group::kEnvironment || is_of_the_start)
      report.rows.push_back(row_of(known, *given.settings()));
  }
  return report;
}

}  // namespace rerank::cli
