// The program: declares the subcommands, runs the one that the command line names and turns every way to end
// into a message on stderr and an exit code.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <exception>
#include <memory>
#include <new>
#include <string>

#include "apps/rerank/command.h"
#include "apps/rerank/commands/engine_calls.h"
#include "apps/rerank/flags/command_line.h"
#include "apps/rerank/flags/flag_settings.h"
#include "apps/rerank/flags/help_text.h"
#include "apps/rerank/flags/remote_flags.h"
#include "apps/rerank/interruption.h"
#include "apps/rerank/output/error_text.h"
#include "apps/rerank/output/output_stream.h"
#include "apps/rerank/output/terminal_text.h"
#include "rerank/error.h"
#include "rerank/version.h"

namespace rerank::cli {
namespace {

constexpr const char* kOverview = R"(Examples:
  rerank rank -m demo -q 'edit photos' packages.txt
  rerank score -m Qwen/Qwen3-Reranker-0.6B pairs.jsonl -o scores.jsonl
  rerank help rank

Exit codes: 0 success, 1 error in the input or the model, 2 wrong usage, 130 stopped by Ctrl-C. Messages go to
standard error. NO_COLOR=1 turns off colours.)";

// A message may quote a document or a file's name: one that steers the terminal must not get through.
void tell(const std::string& message) {
  std::string text = "rerank: ";
  std::size_t begin = 0;
  while (begin <= message.size()) {
    const std::size_t end = std::min(message.find('\n', begin), message.size());
    text += harmless(std::string_view(message).substr(begin, end - begin)) + "\n";
    begin = end + 1;
  }
  std::fputs(text.c_str(), stderr);
}

int print(const std::string& text) {
  standard_output().write(text);
  standard_output().flush();
  return kDone;
}

int wrong_usage(const CLI::App& program, const std::string& message) {
  const auto parsed = program.get_subcommands();
  const bool is_known = !parsed.empty() && parsed.front()->get_name() != "help";
  tell(
      fmt::format("{}\nsee: rerank {}", message, is_known ? "help " + parsed.front()->get_name() : "--help"));
  return kWrongUsage;
}

void add_help(CLI::App& program, Action& action) {
  CLI::App* command = program.add_subcommand("help", "Show the help of a command");
  auto name = std::make_shared<std::string>();
  command->add_option("COMMAND", *name, "command to show the help of; default: the program");
  command->callback([name, &program, &action] {
    action = [name, &program] {
      // help() would give that of the command that was named, this one.
      if (name->empty()) {
        return print(program.get_formatter()->make_help(&program, "rerank", CLI::AppFormatMode::All));
      }
      for (const CLI::App* known : program.get_subcommands([](const CLI::App*) { return true; })) {
        if (known->get_name() == *name) return print(known->help("rerank"));
      }
      throw UsageError(unknown_command(program, *name));
    };
  });
}

void declare(CLI::App& program, Action& action) {
  program.formatter(help_formatter());
  program.set_help_flag("-h,--help", "Show this help");
  program.set_version_flag("-V,--version", std::string("rerank ") + version(), "Show the version");
  program.require_subcommand(1);
  program.footer(kOverview);
  // As in vLLM: a flag given again replaces its earlier value.
  program.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  add_rank(program, action);
  add_score(program, action);
  add_verify(program, action);
  add_tokenize(program, action);
  add_inspect(program, action);
  add_serve(program, action);
  add_bench(program, action);
  add_remote(program, action);
  add_pull(program, action);
  add_synth(program, action);
  add_config(program, action);
  add_help(program, action);
  add_config_flags(program);
}

// An error that names a flag tells where its value comes from, if that is a setting.
int run(const Action& action, const FlagSettings& settings) {
  const Action chosen = action;  // rerank config parses again, which sets another
  try {
    return chosen();
  } catch (const UsageError& error) {
    throw UsageError(error.what() + settings.origins(error.what()));
  } catch (const Error& error) {
    const std::string text = text_of(error);
    throw Error(error.code(), text + settings.origins(text));
  }
}

int parse_and_run(int argc, char** argv) {
  CLI::App program("Score and rank documents by relevance to a query", "rerank");
  Action action;
  declare(program, action);
  try {
    const FlagSettings settings = parse_command_line(program, without_remote_word(argc, argv));
    hide_api_keys(argc, argv);
    return run(action, settings);
  } catch (const CLI::CallForHelp&) {
    return print(program.help());
  } catch (const CLI::CallForVersion& version_text) {
    return print(version_text.what() + std::string("\n"));
  } catch (const UsageError& error) {
    return wrong_usage(program, error.what());
  }
}

int guarded_main(int argc, char** argv) {
  try {
    return parse_and_run(argc, argv);
  } catch (const Interrupted&) {
    return kStopped;
  } catch (const ReaderGone&) {
    return kReaderGone;
  } catch (const Error& error) {
    tell(text_of(error));
  } catch (const std::bad_alloc&) {
    tell("out of memory");
  } catch (const std::exception& error) {
    tell(error.what());
  }
  return kRefused;
}

}  // namespace
}  // namespace rerank::cli

int main(int argc, char** argv) {
  rerank::cli::install_interruption();
  const int code = rerank::cli::guarded_main(argc, argv);
  if (!rerank::cli::device_failed()) return code;
  // The end of a failed device's libraries may wait for it, beside threads that are still in them.
  std::fflush(nullptr);
  _exit(code);
}
