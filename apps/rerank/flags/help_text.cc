#include "apps/rerank/flags/help_text.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstddef>
#include <utility>

namespace rerank::cli {
namespace {

constexpr std::size_t kWidth = 110;
constexpr std::size_t kNameColumn = 30;

std::string wrapped(const std::string& text, std::size_t indent) {
  std::string result;
  std::size_t column = indent;
  std::size_t begin = 0;
  while (begin < text.size()) {
    const std::size_t end = std::min(text.find(' ', begin), text.size());
    if (column > indent && column + 1 + (end - begin) > kWidth) {
      result += "\n" + std::string(indent, ' ');
      column = indent;
    } else if (column > indent) {
      result += ' ';
      ++column;
    }
    result += text.substr(begin, end - begin);
    column += end - begin;
    begin = end + 1;
  }
  return result;
}

std::string entry(const std::string& names, const std::string& description) {
  std::string text = "  " + names;
  if (text.size() + 2 > kNameColumn) {
    text += "\n" + std::string(kNameColumn, ' ');
  } else {
    text += std::string(kNameColumn - text.size(), ' ');
  }
  return text + wrapped(description, kNameColumn) + "\n";
}

std::string names_of(const CLI::Option& option) {
  std::string text;
  for (const std::string& name : option.get_snames()) text += (text.empty() ? "-" : ", -") + name;
  for (const std::string& name : option.get_lnames()) text += (text.empty() ? "    --" : ", --") + name;
  const std::string value = option.get_type_size() > 0 ? option.get_type_name() : "";
  return value.empty() ? text : text + " " + value;
}

std::string positional_name(const CLI::Option& option) {
  const std::string name = option.get_name(true) + (option.get_items_expected_max() > 1 ? "..." : "");
  return option.get_required() ? name : "[" + name + "]";
}

std::string short_name(const CLI::Option& option) {
  return option.get_snames().empty() ? "--" + option.get_lnames().front() : "-" + option.get_snames().front();
}

class HelpFormatter : public CLI::Formatter {
 public:
  std::string make_help(const CLI::App* app, std::string name, CLI::AppFormatMode) const override {
    std::string text = app->get_description() + ".\n\n" + make_usage(app, std::move(name));
    const auto commands = app->get_subcommands([](const CLI::App*) { return true; });
    if (!commands.empty()) text += "\nCommands:\n";
    for (const CLI::App* command : commands) text += entry(command->get_name(), command->get_description());

    std::string arguments;
    for (const CLI::Option* option : app->get_options()) {
      if (option->get_positional()) arguments += entry(positional_name(*option), option->get_description());
    }
    if (!arguments.empty()) text += "\nArguments:\n" + arguments;
    for (const std::string& group : app->get_groups()) {
      std::string flags;
      for (const CLI::Option* option : app->get_options()) {
        if (option->nonpositional() && option->get_group() == group) {
          flags += entry(names_of(*option), option->get_description());
        }
      }
      if (!flags.empty()) text += fmt::format("\n{}:\n{}", group, flags);
    }
    return app->get_footer().empty() ? text : text + "\n" + app->get_footer() + "\n";
  }

  std::string make_usage(const CLI::App* app, std::string name) const override {
    std::string text = "Usage: " + name;
    std::string positionals;
    for (const CLI::Option* option : app->get_options()) {
      if (option->get_positional()) {
        positionals += " " + positional_name(*option);
      } else if (option->get_required()) {
        text += " " + short_name(*option) + " " + option->get_type_name();
      }
    }
    if (!app->get_subcommands([](const CLI::App*) { return true; }).empty()) text += " COMMAND";
    return text + " [options]" + positionals + "\n";
  }
};

}  // namespace

std::shared_ptr<CLI::FormatterBase> help_formatter() {
  return std::make_shared<HelpFormatter>();
}

std::vector<std::string> flag_names(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    for (const std::string& name : option->get_snames()) names.push_back("-" + name);
  }
  return names;
}

}  // namespace rerank::cli
