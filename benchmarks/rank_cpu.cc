// A whole ranking on the CPU beside what its GEMMs alone would take and what the processor's registers allow,
// measured in turn in one run: 1 query of 46 words x 20 documents of 100 words, each request with texts of
// its own.
#include <fmt/format.h>
#include <time.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <fstream>
#include <functional>
#include <iostream>
#include <string>
#include <vector>

#include "backend/cpu/arithmetic.h"
#include "backend/cpu/gemm.h"
#include "backend/cpu/packed_weights.h"
#include "backend/cpu/row_tiles.h"
#include "cpu_limits.h"
#include "engine/loading.h"
#include "model/model.h"
#include "model/open_model.h"
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

struct Taken {
  double wall = 0;  // seconds
  double cpu = 0;   // seconds of all threads of this process: what a busy neighbour changes less
};

Taken time_of(const std::function<void()>& run) {
  const auto cpu_seconds = [] {
    timespec now;
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
  };
  const double cpu = cpu_seconds();
  const auto begin = std::chrono::steady_clock::now();
  run();
  return {std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count(),
          cpu_seconds() - cpu};
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

// Peak resident memory, MiB.
double peak_resident() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::stod(line.substr(6)) / 1024;
  }
  return 0;
}

// The GEMMs of forwards of `num_tokens` tokens and `num_scores` scored rows, on the packed weights and
// nothing else.
class GemmsAlone {
 public:
  GemmsAlone(const EngineOptions& options, const EngineInfo& info)
      : pool_(info.num_threads),
        checkpoint_(open_model(options.model)),
        model_(create_model(checkpoint_, read_reranker(*checkpoint_), {.no = 0, .yes = 1}, 64)),
        choice_(cpu::choose_kernels(
            {.dtype = info.dtype, .quantization = info.quantization, .instruction_set = info.instruction_set},
            model_->weights().type())),
        weights_(model_->weights(), form(), cache_directory(options), pool_) {}

  double gflop(std::int32_t num_tokens, std::int32_t num_scores) const {
    const TransformerSpec& s = model_->weights().spec();
    const double kv = 2.0 * s.kv_dim() * s.hidden, query = 1.0 * s.query_dim() * s.hidden;
    const double rest = 1.0 * s.hidden * s.query_dim() + 3.0 * s.hidden * s.ffn;
    return 2e-9 * ((s.num_layers * kv + (s.num_layers - 1) * (query + rest)) * num_tokens +
                   (query + rest) * num_scores);
  }

  void run(std::int32_t num_tokens, std::int32_t num_scores) {
    const TransformerSpec& spec = model_->weights().spec();
    reserve(num_tokens);
    for (std::int32_t layer = 0; layer < spec.num_layers; ++layer) {
      const bool last = layer + 1 == spec.num_layers;
      const cpu::PackedLayer& w = weights_.model().layers[static_cast<std::size_t>(layer)];
      const std::int32_t query_panels = spec.query_dim() / cpu::kPanelColumns;
      const std::int32_t rows = last ? num_scores : num_tokens;
      multiply(w.qkv, num_tokens, last ? query_panels : 0, w.qkv.num_panels, cpu::Epilogue::kStore);
      if (last) multiply(w.qkv, rows, 0, query_panels, cpu::Epilogue::kStore);
      multiply(w.output, rows, 0, w.output.num_panels, cpu::Epilogue::kStore);
      multiply(w.gate_up, rows, 0, w.gate_up.num_panels, cpu::Epilogue::kStore);
      multiply(w.down, rows, 0, w.down.num_panels, cpu::Epilogue::kStore);
    }
  }

 private:
  cpu::PackedForm form() {
    return cpu::packed_form(model_->weights(), choice_.kernels->arithmetic.weights, choice_.int8 != nullptr);
  }

  void reserve(std::int32_t num_tokens) {
    if (num_tokens == reserved_) return;
    const TransformerSpec& s = model_->weights().spec();
    const std::int32_t widest = std::max({s.hidden, s.query_dim(), cpu::padded_ffn(s)});
    whole_rows_ = MemoryBlock(cpu::row_tiles_bytes(*choice_.kernels, num_tokens, widest));
    if (choice_.int8 != nullptr)
      int8_rows_ = MemoryBlock(cpu::row_tiles_bytes(*choice_.int8, num_tokens, widest));
    stride_ = std::max(s.qkv_dim(), 2 * cpu::padded_ffn(s));
    out_ = MemoryBlock(static_cast<std::size_t>(num_tokens) * static_cast<std::size_t>(stride_) * 4);
    std::vector<float> row(static_cast<std::size_t>(widest));
    for (std::size_t i = 0; i < row.size(); ++i)
      row[i] = 0.01f * static_cast<float>(static_cast<int>(i % 97) - 48);
    for (std::int32_t r = 0; r < num_tokens; ++r) {
      choice_.kernels->pack_row(row.data(), {whole_rows_.data(), widest}, r);
      if (choice_.int8 != nullptr) choice_.int8->pack_row(row.data(), {int8_rows_.data(), widest}, r);
    }
    reserved_ = num_tokens;
  }

  void multiply(const cpu::PackedMatrix& matrix, std::int32_t rows, std::int32_t first, std::int32_t end,
                cpu::Epilogue epilogue) {
    const bool is_int8 = matrix.format == cpu::Format::kInt8;
    cpu::run_gemm(pool_, is_int8 ? *choice_.int8 : *choice_.kernels,
                  {.rows = {(is_int8 ? int8_rows_ : whole_rows_).data(), matrix.k},
                   .num_rows = rows,
                   .panels = matrix.panels,
                   .first_panel = first,
                   .end_panel = end,
                   .epilogue = epilogue,
                   .out = out_.as<float>(),
                   .out_stride = stride_});
  }

  ThreadPool pool_;
  std::shared_ptr<Checkpoint> checkpoint_;
  std::unique_ptr<Model> model_;
  const cpu::KernelChoice choice_;
  cpu::PackedWeights weights_;
  MemoryBlock whole_rows_, int8_rows_, out_;
  std::int32_t reserved_ = 0;
  std::int32_t stride_ = 0;
};

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
    fmt::print("{}\n", time_of([&] { engine.score(request); }).wall);
    std::fflush(stdout);
  }
}

void run(const Arguments& arguments) {
  std::unique_ptr<Engine> engine;
  const double load = time_of([&] { engine = std::make_unique<Engine>(arguments.engine); }).wall;
  const double first = time_of([&] { engine->score({.query = "first", .documents = {"score"}}); }).wall;
  print_start(*engine, load, first);

  WordText text(load_tokenizer(arguments.engine), 1);
  engine->score(make_request(arguments, text));
  for (int i = 0; i < 2; ++i) engine->score(make_request(arguments, text));
  const double resident = peak_resident();

  const EngineStatistics before = engine->statistics();
  engine->score(make_request(arguments, text));
  const EngineStatistics after = engine->statistics();
  const std::int64_t tokens = after.num_computed_tokens - before.num_computed_tokens;
  const std::int64_t batches = after.num_batches - before.num_batches;
  const auto tokens_of_batch = static_cast<std::int32_t>(tokens / batches);
  const auto scores_of_batch = static_cast<std::int32_t>(arguments.num_documents / batches);

  GemmsAlone gemms(arguments.engine, engine->info());
  ThreadPool pool(engine->info().num_threads);
  gemms.run(tokens_of_batch, scores_of_batch);
  std::vector<double> bfloat16, float32, alone, ranking, share, cpu_share;
  for (int round = 0; round < arguments.rounds; ++round) {
    const RegisterPeaks peaks = measure_register_peaks(pool);
    bfloat16.push_back(peaks.bfloat16);
    float32.push_back(peaks.float32);
    const Taken gemm = time_of([&] {
      for (std::int64_t i = 0; i < batches; ++i) gemms.run(tokens_of_batch, scores_of_batch);
    });
    const Request request = make_request(arguments, text);
    const Taken whole = time_of([&] { engine->score(request); });
    alone.push_back(gemm.wall);
    ranking.push_back(whole.wall);
    share.push_back(gemm.wall / whole.wall);
    cpu_share.push_back(gemm.cpu / whole.cpu);
  }
  const double gflops =
      gemms.gflop(tokens_of_batch, scores_of_batch) * static_cast<double>(batches) / median(alone);
  fmt::print("resident: {:.0f} MiB at most, packed weights {:.0f} MiB\n", resident,
             static_cast<double>(engine->info().weight_bytes) / (1 << 20));
  fmt::print("load: 1 query of 46 words x {} documents of {} words; {} tokens computed in {} forwards\n",
             arguments.num_documents, arguments.words, tokens, batches);
  fmt::print("medians of {} rounds:\n", arguments.rounds);
  fmt::print("  register peaks  {:8.0f} GFLOP/s bfloat16, {:.0f} float32\n", median(bfloat16),
             median(float32));
  fmt::print("  GEMMs alone     {:8.0f} GFLOP/s, {:.0f}% of the faster peak, {:.2f} documents/s\n", gflops,
             100 * gflops / std::max(median(bfloat16), median(float32)),
             arguments.num_documents / median(alone));
  fmt::print("  whole ranking   {:8.2f} documents/s, {:.0f} ms a request\n",
             arguments.num_documents / median(ranking), 1000 * median(ranking));
  fmt::print("  of what the GEMMs alone would allow: {:.0f}% by wall time, {:.0f}% by processor time\n",
             100 * median(share), 100 * median(cpu_share));
}

}  // namespace
}  // namespace rerank::benchmarks

int main(int argc, char** argv) {
  rerank::benchmarks::Arguments arguments;
  CLI::App app("A whole ranking on the CPU beside its GEMMs alone and the register peaks, in one run.");
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
