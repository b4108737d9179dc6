// rerank config: every setting, its value, and where that comes from.
#include <CLI/CLI.hpp>
#include <memory>

#include "apps/rerank/command.h"
#include "apps/rerank/flags/command_line.h"
#include "apps/rerank/flags/engine_flags.h"
#include "apps/rerank/flags/flag_settings.h"
#include "apps/rerank/flags/setting_list.h"
#include "apps/rerank/output/config_formats.h"
#include "apps/rerank/output/output_stream.h"
#include "settings/known_settings.h"

namespace rerank::cli {
namespace {

constexpr const char* kExamples = R"(Examples:
  rerank config
  rerank config serve demo --port 9000
  rerank config --format sh serve
  rerank config --list

With a command: what it would run with, flags included, its own table of the TOML file ([serve]) too; nothing is run.
The flags of config itself stand before the command. The first that says something counts:
  1. flags
  2. the environment: RERANK_PORT, then PORT where a setting has such a name
  3. $ENV_FILE, else .env in the working folder, by the same names
  4. the TOML file of --config, else of $RERANK_CONFIG, else rerank.toml in the working folder, else
     ~/.config/rerank/rerank.toml: port = 9000
  5. the default
What is empty says nothing. Keys are shown as set, never themselves. sh: NAME='value' lines of what is set.)";

struct ConfigOptions {
  std::string format = "text";
  std::string table;
  bool list = false;
};

int config(CLI::App& program, const ConfigOptions& options, const std::string& config_file,
           std::vector<std::string> words) {
  OutputStream& output = standard_output();
  if (options.list) {
    if (!words.empty()) throw UsageError("--list is of all settings: leave " + words.front() + " out");
    if (options.format == "sh") throw UsageError("--format sh prints values, and --list has none");
    output.write(list_of_settings(program, options.format));
    output.flush();
    return kDone;
  }
  if (!options.table.empty() && !words.empty()) {
    throw UsageError("--table is for all settings: " + words.front() + " has its own");
  }
  if (options.format == "markdown") throw UsageError("--format markdown is for --list");
  if (!words.empty() && !config_file.empty()) words.insert(words.begin() + 1, "--config=" + config_file);
  const ConfigReport report =
      words.empty() ? config_of_all(program, options.table, config_file) : config_of_command(program, words);
  output.write(options.format == "json" ? as_json(report)
               : options.format == "sh" ? as_shell(report)
                                        : as_text(report));
  output.flush();
  return kDone;
}

}  // namespace

void add_config(CLI::App& program, Action& action) {
  CLI::App* command = program.add_subcommand("config", "Show each setting, and where its value comes from");
  auto options = std::make_shared<ConfigOptions>();
  add_choice(*command, "-f,--format", options->format, {"text", "json", "sh", "markdown"},
             "text unless given; markdown is for --list");
  command->add_flag("--list", options->list, "what can be set, by which names, instead of what is set");
  command
      ->add_option("--table", options->table,
                   "of the TOML file, to look into as this command would: serve; or client")
      ->type_name("NAME")
      ->check(CLI::IsMember(setting_sections()));
  const CLI::Option* const file = add_config_flag(*command);
  command->prefix_command();
  command->footer(kExamples);
  command->callback([command, file, options, &program, &action] {
    const std::string config_file = file->count() > 0 ? file->results().back() : "";
    const std::vector<std::string> words = command->remaining();
    if (!words.empty() && words.front().starts_with('-')) throw CLI::ExtrasError(command->get_name(), words);
    action = [&program, options, config_file, words] {
      return config(program, *options, config_file, words);
    };
  });
}

}  // namespace rerank::cli
