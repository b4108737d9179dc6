#include "rerank/settings.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <system_error>
#include <utility>

#include "base/ascii.h"
#include "base/nearest_name.h"
#include "settings/env_file.h"
#include "settings/known_settings.h"
#include "settings/setting_file.h"
#include "settings/toml_file.h"

namespace rerank {
namespace {

using Kind = SettingSource::Kind;
using Variables = std::map<std::string, std::pair<std::string, SettingSource>, std::less<>>;

constexpr const char* kConfigVariable = "RERANK_CONFIG";
constexpr const char* kEnvFileVariable = "ENV_FILE";

std::vector<std::string> words(const std::string& text) {
  std::vector<std::string> found;
  constexpr const char* kBlanks = " \t\r\n";
  for (std::size_t begin = text.find_first_not_of(kBlanks); begin != std::string::npos;) {
    const std::size_t end = text.find_first_of(kBlanks, begin);
    found.push_back(text.substr(begin, end - begin));
    begin = end == std::string::npos ? end : text.find_first_not_of(kBlanks, end);
  }
  return found;
}

Variables environment() {
  Variables variables;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string text = *entry;
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos) continue;
    const std::string name = text.substr(0, equals);
    variables.try_emplace(name, text.substr(equals + 1), SettingSource{Kind::kEnvironment, name, "", 0});
  }
  return variables;
}

std::string value_in(const Variables& variables, std::string_view name) {
  const auto found = variables.find(name);
  return found == variables.end() ? "" : found->second.first;
}

void require_known_variable(const std::string& name, const std::string& place) {
  const std::vector<std::string> known = all_variables();
  if (std::find(known.begin(), known.end(), name) != known.end()) return;
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("{}: unknown setting {}{}", place, name, suggestion(name, known)));
}

// Of the lines that concern this project; what others keep in the same file is theirs. A later line replaces
// an earlier one, as in a shell that reads the file.
Variables variables_in(const std::string& content, const std::string& file) {
  const std::vector<std::string> known = all_variables();
  Variables variables;
  for (const EnvLine& line : env_lines(content, file)) {
    const std::string place = fmt::format("{}, line {}", file, line.number);
    const bool is_known = std::find(known.begin(), known.end(), line.name) != known.end();
    if (!is_known && !line.name.starts_with("RERANK_")) continue;
    const std::string value = value_of(line, file);
    if (is_for_the_environment_only(line.name)) {
      throw Error(
          ErrorCode::kInvalidArgument,
          fmt::format(
              "{}: {} is not read from a file because it names code to run; set it in the environment", place,
              line.name));
    }
    if (!is_known && belongs_to_others(line.name, value)) continue;
    require_known_variable(line.name, place);
    variables[line.name] = {value, {Kind::kFile, line.name, file, line.number}};
  }
  return variables;
}

std::vector<TomlEntry> entries_in(const std::string& content, const std::string& file) {
  std::vector<TomlEntry> entries = toml_entries(content, file);
  const std::vector<std::string>& sections = setting_sections();
  for (const TomlEntry& entry : entries) {
    if (!entry.section.empty() &&
        std::find(sections.begin(), sections.end(), entry.section) == sections.end()) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("{}, line {}: unknown table [{}]; did you mean [{}]?", file, entry.line,
                              entry.section, nearest(entry.section, sections)));
    }
    if (entry.key.empty() && entry.values.empty() && !entry.section.empty()) continue;
    if (find_setting(entry.key) == nullptr) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("{}, line {}: unknown setting {}{}", file, entry.line, entry.key,
                              suggestion(entry.key, all_keys())));
    }
  }
  return entries;
}

const TomlEntry* entry_of(const std::vector<TomlEntry>& entries, const std::string& section,
                          const KnownSetting& setting) {
  std::vector<std::string_view> keys = {setting.key};
  keys.insert(keys.end(), setting.other_keys.begin(), setting.other_keys.end());
  for (const std::string_view key : keys) {
    for (const TomlEntry& entry : entries) {
      const bool says_something = std::any_of(entry.values.begin(), entry.values.end(),
                                              [](const auto& value) { return !value.empty(); });
      if (entry.section == section && entry.key == key && says_something) return &entry;
    }
  }
  return nullptr;
}

// Collects what each source says; what is there already stays.
class Collection {
 public:
  explicit Collection(std::map<std::string, Setting, std::less<>>& found) : found_(found) {}

  void take_flags(const std::map<std::string, std::string>& flags) {
    for (const auto& [key, value] : flags) {
      const KnownSetting* const setting = find_setting(key);
      if (setting == nullptr) {
        throw Error(ErrorCode::kInvalidArgument, fmt::format("SettingsOptions::flags: unknown setting {}{}",
                                                             key, suggestion(key, all_keys())));
      }
      if (!value.empty()) add(*setting, value, {Kind::kFlag, key, "", 0});
    }
  }

  void take_variables(const Variables& variables) {
    for (const KnownSetting& setting : known_settings()) {
      for (const std::string& name : variables_of(setting)) {
        const auto variable = variables.find(name);
        if (variable == variables.end()) continue;
        const auto& [value, source] = variable->second;
        const bool says_something = !value.empty() || setting.may_be_empty;
        if (!says_something || belongs_to_others(name, value)) continue;
        add(setting, value, source);
        break;
      }
    }
  }

  void take_entries(const std::vector<TomlEntry>& entries, const std::string& section,
                    const std::string& file) {
    for (const KnownSetting& setting : known_settings()) {
      const TomlEntry* entry = section.empty() ? nullptr : entry_of(entries, section, setting);
      if (entry == nullptr) entry = entry_of(entries, "", setting);
      if (entry == nullptr) continue;
      const std::string prefix = entry->section.empty() ? "" : "[" + entry->section + "] ";
      found_.try_emplace(
          std::string(setting.key),
          Setting{entry->values, entry->is_list, {Kind::kFile, prefix + entry->key, file, entry->line}});
    }
  }

 private:
  void add(const KnownSetting& setting, const std::string& value, const SettingSource& source) {
    std::vector<std::string> values = {value};
    if (setting.is_words) values = words(value);
    if (values.empty()) return;
    found_.try_emplace(std::string(setting.key), Setting{std::move(values), false, source});
  }

  std::map<std::string, Setting, std::less<>>& found_;
};

// Empty if there is none. Throws Error if it was asked for and is not there.
std::string env_file_path(const Variables& variables) {
  const std::string named = value_in(variables, kEnvFileVariable);
  if (!named.empty()) return named;
  return is_regular_file(".env") ? ".env" : "";
}

std::string toml_path(const SettingsOptions& options, const Variables& variables,
                      const Variables& of_env_file) {
  if (!options.config_file.empty()) return options.config_file;
  for (const Variables* source : {&variables, &of_env_file}) {
    const std::string named = value_in(*source, kConfigVariable);
    if (!named.empty()) return named;
  }
  return usual_toml_file();
}

}  // namespace

std::string SettingSource::text() const {
  if (kind == Kind::kDefault) return "default";
  if (kind == Kind::kFlag) return name;
  return kind == Kind::kEnvironment ? name + " in the environment"
                                    : fmt::format("{} in {}, line {}", name, file, line);
}

Settings Settings::load(const SettingsOptions& options) {
  Settings settings;
  Collection collection(settings.found_);
  const Variables variables = environment();
  if (options.refuse_unknown_variables) {
    for (const auto& [name, variable] : variables) {
      if (!name.starts_with("RERANK_") || variable.first.empty() || belongs_to_others(name, variable.first))
        continue;
      require_known_variable(name, "the environment");
    }
  }
  collection.take_flags(options.flags);
  collection.take_variables(variables);

  Variables of_env_file;
  const std::string env_file = env_file_path(variables);
  if (!env_file.empty()) {
    of_env_file = variables_in(setting_file_content(env_file), env_file);
    collection.take_variables(of_env_file);
    settings.files_.push_back(env_file);
  }
  const std::string toml_file = toml_path(options, variables, of_env_file);
  if (!toml_file.empty()) {
    collection.take_entries(entries_in(setting_file_content(toml_file), toml_file), options.section,
                            toml_file);
    settings.files_.push_back(toml_file);
  }
  return settings;
}

const Setting* Settings::find(std::string_view key) const {
  const KnownSetting* const known = find_setting(key);
  if (known == nullptr) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("unknown setting {}{}", key, suggestion(key, all_keys())));
  }
  const auto found = found_.find(known->key);
  return found == found_.end() ? nullptr : &found->second;
}

std::string Settings::get(std::string_view key) const {
  const Setting* const setting = find(key);
  return setting == nullptr ? "" : setting->values.front();
}

std::string Settings::source(std::string_view key) const {
  const Setting* const setting = find(key);
  return setting == nullptr ? SettingSource{}.text() : setting->source.text();
}

std::string Settings::described(std::string_view key) const {
  const Setting* const setting = find(key);
  check(setting != nullptr, "a setting that nobody set has no description");
  SettingSource source = setting->source;
  if (!find_setting(key)->is_secret) source.name += fmt::format("={}", fmt::join(setting->values, ", "));
  return source.text();
}

std::optional<double> Settings::number(std::string_view key) const {
  if (find(key) == nullptr) return std::nullopt;
  const std::string text = get(key);
  const char* const end = text.data() + text.size();
  double value = 0;
  const auto result = std::from_chars(text.data(), end, value);
  require(result.ec == std::errc() && result.ptr == end && value >= 0 && value <= 1e15,
          described(key) + ": a number from 0 up is needed");
  return value;
}

std::optional<bool> Settings::flag(std::string_view key) const {
  if (find(key) == nullptr) return std::nullopt;
  const std::string text = lower_case(get(key));
  for (const char* yes : {"true", "yes", "on", "1"}) {
    if (text == yes) return true;
  }
  for (const char* no : {"false", "no", "off", "0"}) {
    if (text == no) return false;
  }
  throw Error(ErrorCode::kInvalidArgument, described(key) + ": true or false is needed");
}

}  // namespace rerank
