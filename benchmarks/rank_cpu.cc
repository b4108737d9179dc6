// A whole ranking on the CPU, and step by step what its forwards take, beside the processor's peaks: 1 query
// of 46 words x 20 documents of 100 words, each request with texts of its own.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <fstream>
#include <functional>
#include <iostream>
#include <string>
#include <vector>

#include "cpu_forward.h"
#include "cpu_limits.h"
#include "engine/loading.h"
#include "rerank/engine.h"
#include "word_text.h"

namespace rerank::benchmarks {
namespace {

struct Arguments {
  EngineOptions engine{.model = "synth:0.6B"};
  int rounds = 5;
  int num_documents = 20;
  int words = 100;
  bool on_line = false;
};

double seconds_of(const std::function<void()>& run) {
  const auto begin = std::chrono::steady_clock::now();
  run();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

// Peak resident memory, MiB.
double peak_resident() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::stod(line.substr(6)) / 1024;
  }
  return 0;
}

Request make_request(const Arguments& arguments, WordText& text) {
  Request request;
  request.query = text(46);
  for (int i = 0; i < arguments.num_documents; ++i) request.documents.push_back(text(arguments.words));
  return request;
}

void print_start(const Engine& engine, double load, double first) {
  const EngineInfo& info = engine.info();
  fmt::print("model {} in {}, quantization {} ({}), {} threads; {}\n", info.model, info.dtype,
             info.quantization, info.instruction_set, info.num_threads, info.dtype_reason);
  fmt::print("start: loaded in {:.2f} s, first score after {:.2f} s; packed weights {}\n", load, load + first,
             info.weight_cache.empty() ? "in memory only" : "mapped from the cache");
}

// One request for each line of standard input, so that another program can measure in turn with its own.
void rank_on_line(const Arguments& arguments) {
  Engine engine(arguments.engine);
  WordText text(load_tokenizer(arguments.engine), 1);
  for (std::string line; std::getline(std::cin, line);) {
    const Request request = make_request(arguments, text);
    fmt::print("{}\n", seconds_of([&] { engine.score(request); }));
    std::fflush(stdout);
  }
}

// What a request makes the backend compute, its documents taken to be equally long.
struct Load {
  std::int64_t num_tokens = 0;
  std::int64_t num_forwards = 0;
  ForwardShape shape;  // of all forwards together
};

Load load_of(const Arguments& arguments, Engine& engine, WordText& text) {
  const Request request = make_request(arguments, text);
  const auto score = [&](std::int64_t& tokens, std::int64_t& forwards) {
    const EngineStatistics before = engine.statistics();
    const Result result = engine.score(request);
    const EngineStatistics after = engine.statistics();
    tokens = after.num_computed_tokens - before.num_computed_tokens;
    forwards = after.num_batches - before.num_batches;
    return result.num_tokens;
  };
  Load load;
  std::int64_t own = 0, forwards = 0;  // of documents: the query is cached the second time
  score(load.num_tokens, load.num_forwards);
  const std::int64_t whole = score(own, forwards);
  const int documents = arguments.num_documents;
  load.shape = {.pairs = documents,
                .tokens = static_cast<int>(own / documents),
                .prefix = static_cast<int>((whole - own) / documents),
                .computed_prefix = static_cast<int>(load.num_tokens - own)};
  return load;
}

// The same forwards without the engine, step by step, beside the processor's peak.
void print_forwards(const Arguments& arguments, const EngineInfo& info, const Load& load, double ranking) {
  const BackendOptions options{.dtype = info.dtype,
                               .quantization = info.quantization,
                               .instruction_set = info.instruction_set,
                               .num_threads = info.num_threads,
                               .cache_directory = cache_directory(arguments.engine)};
  CpuForward forward(arguments.engine.model, options, load.shape.computed() + load.shape.prefix,
                     load.shape.prefix);
  ForwardShape whole = load.shape;
  whole.pairs = 1;
  whole.computed_prefix = whole.prefix;
  forward.run(forward.batch_of(whole));  // keys and values of the prefix
  std::vector<PackedBatch> batches;
  const auto num_forwards = static_cast<int>(load.num_forwards);
  for (int i = 0; i < num_forwards; ++i) {
    ForwardShape part = load.shape;
    part.pairs = load.shape.pairs * (i + 1) / num_forwards - load.shape.pairs * i / num_forwards;
    if (i > 0) part.computed_prefix = 0;
    batches.push_back(forward.batch_of(part));
  }
  fmt::print("its {} forwards without the engine, step by step, medians of {} rounds:\n", num_forwards,
             arguments.rounds);
  const double products = forward.print_steps(batches, arguments.rounds);
  ThreadPool pool(info.num_threads);
  const Peaks peaks = measure_peaks(pool);
  fmt::print(
      "peaks, GFLOP/s: vector registers {:.0f} bfloat16, {:.0f} float32, {:.0f} int8; tiles from L1 {:.0f} "
      "bfloat16, {:.0f} int8\n",
      peaks.bfloat16, peaks.float32, peaks.int8, peaks.tile_bfloat16, peaks.tile_int8);
  fmt::print("the ranking has {:.0f}% of the speed that its products alone would allow\n",
             100 * products / ranking);
}

void run(const Arguments& arguments) {
  std::unique_ptr<Engine> engine;
  const double load = seconds_of([&] { engine = std::make_unique<Engine>(arguments.engine); });
  const double first = seconds_of([&] { engine->score({.query = "first", .documents = {"score"}}); });
  print_start(*engine, load, first);

  WordText text(load_tokenizer(arguments.engine), 1);
  engine->score(make_request(arguments, text));
  for (int i = 0; i < 2; ++i) engine->score(make_request(arguments, text));
  const double resident = peak_resident();

  const Load ranked = load_of(arguments, *engine, text);
  fmt::print("resident: {:.0f} MiB at most, packed weights {:.0f} MiB\n", resident,
             static_cast<double>(engine->info().weight_bytes) / (1 << 20));
  fmt::print("load: 1 query of 46 words x {} documents of {} words; {} tokens computed in {} forwards\n",
             arguments.num_documents, arguments.words, ranked.num_tokens, ranked.num_forwards);

  std::vector<double> ranking;
  for (int round = 0; round < arguments.rounds; ++round) {
    const Request request = make_request(arguments, text);
    ranking.push_back(seconds_of([&] { engine->score(request); }));
  }
  fmt::print("whole ranking, median of {}: {:.2f} documents/s, {:.0f} ms a request\n", arguments.rounds,
             arguments.num_documents / median(ranking), 1000 * median(ranking));
  const EngineInfo info = engine->info();
  engine.reset();
  print_forwards(arguments, info, ranked, median(ranking));
}

}  // namespace
}  // namespace rerank::benchmarks

int main(int argc, char** argv) {
  rerank::benchmarks::Arguments arguments;
  CLI::App app("A whole ranking on the CPU, step by step, in one run.");
  app.add_option("-m,--model", arguments.engine.model, "checkpoint directory or synth:SIZE");
  app.add_option("--tokenizer", arguments.engine.tokenizer);
  app.add_option("--dtype", arguments.engine.dtype);
  app.add_option("--quantization", arguments.engine.quantization);
  app.add_option("--instruction-set", arguments.engine.instruction_set);
  app.add_option("--threads", arguments.engine.num_threads);
  app.add_option("--max-num-batched-tokens", arguments.engine.max_num_batched_tokens);
  app.add_option("--rounds", arguments.rounds);
  app.add_option("--documents", arguments.num_documents);
  app.add_option("--words", arguments.words);
  app.add_flag("--on-line", arguments.on_line,
               "rank once for each line on standard input, print the seconds");
  CLI11_PARSE(app, argc, argv);
  try {
    arguments.on_line ? rerank::benchmarks::rank_on_line(arguments) : rerank::benchmarks::run(arguments);
  } catch (const rerank::Error& error) {
    fmt::print(stderr, "rank_cpu: {}\n", error.what());
    return 1;
  }
}
