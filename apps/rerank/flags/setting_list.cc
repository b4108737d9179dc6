#include "apps/rerank/flags/setting_list.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <vector>

#include "apps/rerank/flags/flag_settings.h"
#include "settings/known_settings.h"
#include "text/json_writer.h"

namespace rerank::cli {
namespace {

using Group = SettingGroup;

struct ListEntry {
  std::vector<std::string> keys;
  std::vector<std::string> variables;
  std::vector<std::string> readers;  // commands, or who else
  std::string help;
};

std::string heading(Group group) {
  switch (group) {
    case Group::kEngine:
      return "Engine";
    case Group::kRequest:
      return "Requests";
    case Group::kService:
      return "Server";
    case Group::kClient:
      return "Client";
    case Group::kScript:
      return "start_rerank.sh";
    case Group::kEnvironment:
      return "Variables of other programs, exported from the settings files";
  }
  return "";
}

bool is_read_by(const KnownSetting& setting, const SettingFlag& flag) {
  return flag.setting == &setting || (setting.key == "model" && flag.setting->key == "model_path");
}

ListEntry entry_of(const CLI::App& program, const KnownSetting& setting) {
  ListEntry entry{{std::string(setting.key)}, variables_of(setting), {}, std::string(setting.help)};
  entry.keys.insert(entry.keys.end(), setting.other_keys.begin(), setting.other_keys.end());
  for (const CLI::App* command : program.get_subcommands([](const CLI::App*) { return true; })) {
    const bool asks_a_service = command->get_option_no_throw("--url") != nullptr;
    if (setting.key == "model" && !asks_a_service) continue;
    for (const SettingFlag& flag : setting_flags(*command)) {
      if (!is_read_by(setting, flag)) continue;
      entry.readers.push_back(command->get_name());
      if (entry.help.empty()) entry.help = flag.option->get_description();
    }
  }
  if (setting.group == Group::kClient) entry.readers.emplace_back("clients");
  if (setting.group == Group::kScript) entry.readers.emplace_back("start_rerank.sh");
  if (setting.group == Group::kEnvironment) entry.readers.emplace_back("all");
  return entry;
}

std::string as_text(const ListEntry& entry) {
  return fmt::format("{}\n    {}\n    {}\n    of: {}\n", fmt::join(entry.keys, ", "),
                     fmt::join(entry.variables, ", "), entry.help, fmt::join(entry.readers, ", "));
}

std::string as_json(const ListEntry& entry) {
  return fmt::format(R"({{"keys":{},"variables":{},"readers":{},"help":{}}})", json_list(entry.keys),
                     json_list(entry.variables), json_list(entry.readers), json_string(entry.help));
}

std::string as_markdown(const ListEntry& entry) {
  std::string help;
  for (const char letter : entry.help) help += letter == '|' ? std::string("\\|") : std::string(1, letter);
  return fmt::format("| `{}` | `{}` | {} | {} |\n", fmt::join(entry.keys, "`, `"),
                     fmt::join(entry.variables, "`, `"), fmt::join(entry.readers, ", "), help);
}

}  // namespace

std::string list_of_settings(const CLI::App& program, const std::string& format) {
  std::string text;
  std::string items;
  const KnownSetting* before = nullptr;
  for (const KnownSetting& setting : known_settings()) {
    const ListEntry entry = entry_of(program, setting);
    const bool begins_group = before == nullptr || before->group != setting.group;
    before = &setting;
    if (format == "json") {
      items += (items.empty() ? "\n" : ",\n") + as_json(entry);
      continue;
    }
    const bool is_markdown = format == "markdown";
    if (begins_group)
      text += fmt::format("{}{}{}\n\n", text.empty() ? "" : "\n", is_markdown ? "### " : "",
                          heading(setting.group));
    if (begins_group && is_markdown)
      text += "| key | in the environment | read by | meaning |\n|---|---|---|---|\n";
    text += is_markdown ? as_markdown(entry) : as_text(entry);
  }
  return format == "json" ? "[" + items + "\n]\n" : text;
}

}  // namespace rerank::cli
