// What main and the subcommands agree on: how a subcommand declares itself, and how the program ends.
#pragma once

#include <functional>
#include <stdexcept>
#include <string>

namespace CLI {  // NOLINT(readability-identifier-naming): not ours
class App;
}

namespace rerank::cli {

// Exit codes of the program.
inline constexpr int kDone = 0;
inline constexpr int kRefused = 1;       // an input, a model or a file was refused; stderr says which and why
inline constexpr int kWrongUsage = 2;    // the command line itself
inline constexpr int kStopped = 130;     // Ctrl-C or SIGTERM, ended cleanly
inline constexpr int kReaderGone = 141;  // nobody reads the output any more

// A command line that parses but makes no sense; ends with kWrongUsage.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// The work of the subcommand that was named; returns the exit code.
using Action = std::function<int()>;

// Each declares one subcommand of `program` with its flags and help; `action`, which outlives the parse, is
// set when the command line names it.
void add_rank(CLI::App& program, Action& action);
void add_score(CLI::App& program, Action& action);
void add_verify(CLI::App& program, Action& action);
void add_tokenize(CLI::App& program, Action& action);
void add_inspect(CLI::App& program, Action& action);
void add_synth(CLI::App& program, Action& action);
void add_serve(CLI::App& program, Action& action);
void add_bench(CLI::App& program, Action& action);
void add_config(CLI::App& program, Action& action);
void add_remote(CLI::App& program, Action& action);
void add_pull(CLI::App& program, Action& action);

// Overwrites what follows --api-key, so that other users do not see it among the arguments of this process.
void hide_api_keys(int argc, char** argv);

}  // namespace rerank::cli
