// Forwards of a model on the CPU, without tokenizer and engine: step by step, with what each reaches; a
// decoder's pairs may share a prefix. Or, with --on-line, on token ids that another program gives, so that it
// can measure in turn with its own.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "cpu_forward.h"
#include "rerank/error.h"

namespace rerank::benchmarks {
namespace {

struct Arguments {
  std::string model;
  BackendOptions backend{.device = "cpu"};
  ForwardShape shape;
  int max_tokens = 4096;
  int rounds = 11;
  bool on_line = false;
};

// A line of ids for each pair, then an empty line: answered by one line, the seconds and the logits.
void run_on_line(const Arguments& arguments) {
  CpuForward forward(arguments.model, arguments.backend, arguments.max_tokens, 0);
  PackedBatch batch;
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::vector<std::int32_t> ids;
    for (std::int32_t id = 0; words >> id;) ids.push_back(id);
    if (!ids.empty()) {
      add_pair(batch, ids);
      continue;
    }
    fmt::print("{}", forward.run(batch));
    for (std::size_t pair = 0; pair < batch.segments.size(); ++pair)
      fmt::print(" {:.9g}", forward.logit(pair));
    fmt::print("\n");
    std::fflush(stdout);
    batch.clear();
  }
}

void run(const Arguments& arguments) {
  CpuForward forward(arguments.model, arguments.backend, arguments.max_tokens, arguments.shape.prefix);
  const PackedBatch batch = forward.batch_of(arguments.shape);
  const BackendInfo info = forward.info();
  fmt::print("{}, quantization {} ({}), {} threads; {} pairs of {} tokens\n", info.dtype, info.quantization,
             info.instruction_set, info.num_threads, arguments.shape.pairs, arguments.shape.tokens);
  std::vector<double> seconds;
  for (int round = 0; round < arguments.rounds; ++round) seconds.push_back(forward.run(batch));
  fmt::print("{:.1f} ms, {:.2f} pairs/s\n", 1000 * median(seconds), arguments.shape.pairs / median(seconds));
  forward.print_steps({batch}, arguments.rounds);
}

}  // namespace
}  // namespace rerank::benchmarks

int main(int argc, char** argv) {
  rerank::benchmarks::Arguments arguments;
  CLI::App app("Forwards of a model on the CPU, step by step.");
  app.add_option("-m,--model", arguments.model, "checkpoint directory or synth:SIZE")->required();
  app.add_option("--dtype", arguments.backend.dtype);
  app.add_option("--quantization", arguments.backend.quantization);
  app.add_option("--instruction-set", arguments.backend.instruction_set);
  app.add_option("--threads", arguments.backend.num_threads);
  app.add_option("--pairs", arguments.shape.pairs);
  app.add_option("--tokens", arguments.shape.tokens, "of a pair");
  app.add_option("--prefix", arguments.shape.prefix, "tokens that all pairs share, of a decoder");
  app.add_option("--max-tokens", arguments.max_tokens, "of a forward");
  app.add_option("--rounds", arguments.rounds);
  app.add_flag("--on-line", arguments.on_line, "score the ids on standard input, print seconds and logits");
  CLI11_PARSE(app, argc, argv);
  arguments.shape.computed_prefix = arguments.shape.prefix;
  try {
    arguments.on_line ? rerank::benchmarks::run_on_line(arguments) : rerank::benchmarks::run(arguments);
  } catch (const rerank::Error& error) {
    fmt::print(stderr, "forward_cpu: {}\n", error.what());
    return 1;
  }
}
