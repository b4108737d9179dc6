#include "apps/rerank/flags/command_line.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>

#include "apps/rerank/command.h"
#include "apps/rerank/flags/help_text.h"
#include "base/nearest_name.h"

namespace rerank::cli {
namespace {

std::vector<std::string> command_names(const CLI::App& program) {
  std::vector<std::string> names;
  for (const CLI::App* command : program.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(command->get_name());
  }
  return names;
}

// What the parser could not place says more than what it misses because of it.
std::string usage_message(const CLI::App& program, const CLI::ParseError& error) {
  const CLI::App& command = named_command(program);
  for (const std::string& rest : command.remaining()) {
    if (rest.size() > 1 && rest.front() == '-') return unknown_flag(command, rest);
    if (command.get_require_subcommand_min() > 0) return unknown_command(command, rest);
    return "unexpected argument " + rest;
  }
  if (program.remaining().empty() && command.get_require_subcommand_min() > 0 &&
      dynamic_cast<const CLI::RequiredError*>(&error) != nullptr) {
    return "missing command, one of: " + fmt::format("{}", fmt::join(command_names(command), ", "));
  }
  return error.what();
}

}  // namespace

std::string unknown_command(const CLI::App& program, const std::string& name) {
  return fmt::format("unknown command {}{}", name, suggestion(name, command_names(program)));
}

std::string unknown_flag(const CLI::App& command, const std::string& word) {
  const std::string flag = word.substr(0, word.find('='));
  return fmt::format("unknown flag {}{}", flag, suggestion(flag, flag_names(command)));
}

FlagSettings parse_command_line(CLI::App& program, const std::vector<std::string>& words) {
  const SettingsMayFollow required(program);
  try {
    program.parse(std::vector<std::string>(words.rbegin(), words.rend()));
  } catch (const CLI::CallForHelp&) {
    throw;
  } catch (const CLI::CallForVersion&) {
    throw;
  } catch (const CLI::ParseError& error) {
    throw UsageError(usage_message(program, error));
  }
  FlagSettings settings(program);
  required.require_all(named_command(program));
  return settings;
}

}  // namespace rerank::cli
