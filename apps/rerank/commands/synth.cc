// rerank synth: a synthetic model as files, for tests and benchmarks.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "apps/rerank/command.h"
#include "apps/rerank/flags/number_flags.h"
#include "apps/rerank/interruption.h"
#include "apps/rerank/output/output_stream.h"
#include "apps/rerank/output/progress.h"
#include "model/synthetic/synthetic_checkpoint.h"
#include "model/synthetic/write_synthetic.h"

namespace rerank::cli {
namespace {

constexpr const char* kSynthExamples = R"(Examples:
  rerank synth --config 0.6B --seed 1 --std 0.03 --tokenizer tokenizer.json --out synthetic-0.6B
  rerank synth --config config.json --out synthetic-own

Every weight is a pure function of seed, tensor name and index, so the same command writes the same files on every
machine. The directory appears only when it is complete; Ctrl-C leaves nothing behind. --model synth:0.6B needs no
files: it generates the model with seed 1 and deviation 0.03 in memory.)";

struct SynthOptions {
  std::string config;
  SyntheticRecipe recipe;
  std::string tokenizer;
  std::string directory;
};

int synth(const SynthOptions& options) {
  WriteSyntheticOptions write;
  write.config_json = synthetic_config(options.config);
  write.recipe = options.recipe;
  write.tokenizer_file = options.tokenizer;
  write.directory = options.directory;

  Progress progress("MB");
  std::uint64_t written_bytes = 0;
  const bool complete = write_synthetic(write, [&](std::uint64_t done_bytes, std::uint64_t total_bytes) {
    written_bytes = total_bytes;
    progress.update(static_cast<std::int64_t>(done_bytes / 1'000'000),
                    static_cast<double>(done_bytes) / static_cast<double>(total_bytes));
    return !interrupted();
  });
  if (!complete) throw Interrupted{};
  progress.clear();
  standard_output().write(
      fmt::format("{}: {:.1f} MB of weights\n", options.directory, static_cast<double>(written_bytes) / 1e6));
  standard_output().flush();
  return kDone;
}

}  // namespace

void add_synth(CLI::App& program, Action& action) {
  CLI::App* command = program.add_subcommand("synth", "Write a synthetic model for tests and benchmarks");
  auto options = std::make_shared<SynthOptions>();
  command->add_option("--config", options->config, "nano | odd | 0.6B | 4B | 8B, or a config.json")
      ->type_name("NAME")
      ->required();
  add_count(*command, "--seed", options->recipe.seed, whole_numbers(0, ranges::kMostWholeNumber),
            "random seed of the weights; default 1");
  add_real(*command, "--std", "X", options->recipe.std, numbers_above(0, 10),
           "standard deviation of the weights; default 0.03");
  command->add_option("--tokenizer", options->tokenizer, "tokenizer.json to copy into the directory")
      ->type_name("FILE");
  command->add_option("-o,--out", options->directory, "output directory, new or empty")
      ->type_name("DIR")
      ->required();
  command->footer(kSynthExamples);
  command->callback([options, &action] { action = [options] { return synth(*options); }; });
}

}  // namespace rerank::cli
