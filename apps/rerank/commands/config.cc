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

constexpr const char* kConfigExamples = R"(Examples:
  rerank config
  rerank config serve demo --port 9000
  rerank config --format sh serve
  rerank config --list

With a command, shows the settings it would run with, including its flags and its own table of the TOML file
([serve]), without running it. The flags of config itself come before the command. Sources, highest priority first:
  1. flags
  2. environment variables: RERANK_PORT, then PORT for settings that have such a name
  3. the file $ENV_FILE, or .env in the working directory, with the same names
  4. the TOML file: --config, then $RERANK_CONFIG, then rerank.toml in the working directory, then
     ~/.config/rerank/rerank.toml, with keys such as port = 9000
  5. the default
Empty values are ignored. API keys are never printed, only whether they are set. Format sh: NAME='value' lines of
the settings that are set.)";

struct ConfigOptions {
  std::string format = "text";
  std::string table;
  bool list = false;
};

int config(CLI::App& program, const ConfigOptions& options, const std::string& config_file,
           std::vector<std::string> words) {
  OutputStream& output = standard_output();
  if (options.list) {
    if (!words.empty()) throw UsageError("--list shows all settings; remove " + words.front());
    if (options.format == "sh")
      throw UsageError("--format sh prints values and cannot be combined with --list");
    output.write(list_of_settings(program, options.format));
    output.flush();
    return kDone;
  }
  if (!options.table.empty() && !words.empty()) {
    throw UsageError("--table is for all settings: " + words.front() + " has its own");
  }
  if (options.format == "markdown") throw UsageError("--format markdown requires --list");
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
  CLI::App* command = program.add_subcommand("config", "Show every setting and where its value comes from");
  auto options = std::make_shared<ConfigOptions>();
  add_choice(*command, "-f,--format", options->format, {"text", "json", "sh", "markdown"},
             "default text; markdown: with --list only");
  command->add_flag("--list", options->list, "list all settings with their names instead of their values");
  command
      ->add_option("--table", options->table,
                   "table of the TOML file to read, as this command would: serve, client, ...")
      ->type_name("NAME")
      ->check(CLI::IsMember(setting_sections()));
  const CLI::Option* const file = add_config_flag(*command);
  command->prefix_command();
  command->footer(kConfigExamples);
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
