// Forwards of a model on the CPU, without tokenizer and engine: step by step, with what each step's products
// and attention reach; a decoder's pairs may share a prefix. Or, with --on-line, on token ids that another
// program gives, so that it can measure in turn with its own.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <chrono>
#include <iostream>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "model/model.h"
#include "model/open_model.h"
#include "rerank/error.h"

namespace rerank::benchmarks {
namespace {

struct Arguments {
  std::string model;
  BackendOptions backend{.device = "cpu"};
  int pairs = 20;
  int tokens = 158;
  int prefix = 0;
  int max_tokens = 4096;
  int rounds = 11;
  bool on_line = false;
};

enum Step : std::size_t { kEmbed, kQkv, kAttention, kOutput, kMlpIn, kMlpOut, kEnd, kNumSteps };
constexpr std::array<const char*, kNumSteps> kNames = {"embed",  "qkv",     "attention", "attention output",
                                                       "MLP in", "MLP out", "pool, head"};

// The CPU backend with a clock around each step.
class ClockedBackend final : public Backend {
 public:
  explicit ClockedBackend(Backend& backend) : backend_(backend) {}

  void load(TransformerWeights&, const BackendLimits&) override {}
  BackendInfo info() const override { return backend_.info(); }
  void begin(const PackedBatch& batch) override { backend_.begin(batch); }
  void embed() override {
    clock(kEmbed, [&] { backend_.embed(); });
  }
  void qkv(std::int32_t layer, Projection projection) override {
    clock(kQkv, [&] { backend_.qkv(layer, projection); });
  }
  void attention(std::int32_t layer) override {
    clock(kAttention, [&] { backend_.attention(layer); });
  }
  void attention_output(std::int32_t layer) override {
    clock(kOutput, [&] { backend_.attention_output(layer); });
  }
  void mlp_in(std::int32_t layer) override {
    clock(kMlpIn, [&] { backend_.mlp_in(layer); });
  }
  void mlp_out(std::int32_t layer) override {
    clock(kMlpOut, [&] { backend_.mlp_out(layer); });
  }
  void pool() override {
    clock(kEnd, [&] { backend_.pool(); });
  }
  void head() override {
    clock(kEnd, [&] { backend_.head(); });
  }
  void finish(std::span<float> logits) override { backend_.finish(logits); }
  void read(Activation, std::span<float>) override {}
  void write(Activation, std::span<const float>) override {}

  std::array<double, kNumSteps> take() { return std::exchange(seconds_, {}); }

 private:
  template <typename Body>
  void clock(Step step, const Body& body) {
    const auto begin = std::chrono::steady_clock::now();
    body();
    seconds_[step] += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  }

  Backend& backend_;
  std::array<double, kNumSteps> seconds_ = {};
};

void add_pair(PackedBatch& batch, const std::vector<std::int32_t>& ids) {
  batch.segments.push_back({.first_row = batch.num_tokens(),
                            .num_tokens = static_cast<std::int32_t>(ids.size()),
                            .score = batch.num_scores++});
  batch.ids.insert(batch.ids.end(), ids.begin(), ids.end());
}

// What all pairs attend to.
void add_prefix(PackedBatch& batch, const std::vector<std::int32_t>& ids) {
  batch.segments.push_back({.num_tokens = static_cast<std::int32_t>(ids.size()), .slot = 0});
  batch.ids = ids;
}
void attend_to_prefix(PackedBatch& batch, std::int32_t num_tokens) {
  Segment& pair = batch.segments.back();
  pair.first_position = num_tokens;
  pair.first_range = static_cast<std::int32_t>(batch.ranges.size());
  pair.num_ranges = 1;
  batch.ranges.push_back({.slot = 0, .num_tokens = num_tokens});
}

// 1e9 operations of each step in a forward of `pairs` pairs of `tokens` tokens behind a prefix; windows are
// not looked at.
std::array<double, kNumSteps> work_of(const TransformerSpec& s, double pairs, double tokens, double prefix) {
  const bool is_causal = s.mask == Mask::kCausal;
  const double full = s.pooling == Pooling::kMean ? s.num_layers : s.num_layers - 1;
  const double computed = pairs * tokens + prefix;
  const double rows = full * computed + (s.num_layers - full) * pairs;  // over all layers
  const double key_rows = s.num_layers * computed;
  // Queries times the keys that they see.
  const double scores =
      is_causal ? full * (pairs * tokens * (prefix + tokens / 2) + prefix * prefix / 2) : rows * tokens;
  std::array<double, kNumSteps> work = {};
  work[kQkv] = 2e-9 * s.hidden * (s.query_dim() * rows + 2.0 * s.kv_dim() * key_rows);
  work[kAttention] = 4e-9 * s.query_dim() * scores;
  work[kOutput] = 2e-9 * s.hidden * s.query_dim() * rows;
  work[kMlpIn] = (s.gated ? 4e-9 : 2e-9) * s.hidden * s.ffn * rows;
  work[kMlpOut] = 2e-9 * s.hidden * s.ffn * rows;
  return work;
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

class Forward {
 public:
  explicit Forward(const Arguments& arguments)
      : checkpoint_(open_model(arguments.model)),
        model_(create_model(checkpoint_, read_reranker(*checkpoint_), {.no = 0, .yes = 1}, 512)),
        backend_(create_backend(arguments.backend)) {
    backend_->load(model_->weights(), {.max_tokens = arguments.max_tokens,
                                       .max_segments = arguments.max_tokens,
                                       .max_scores = arguments.max_tokens,
                                       .max_ranges = std::max(1, arguments.pairs),
                                       .num_slots = std::max(1, arguments.prefix)});
  }

  const TransformerSpec& spec() const { return model_->weights().spec(); }
  Backend& backend() { return *backend_; }

  // Seconds.
  double run(Backend& backend, const PackedBatch& batch) {
    logits_.resize(2 * static_cast<std::size_t>(batch.num_scores));
    const auto begin = std::chrono::steady_clock::now();
    backend.begin(batch);
    model_->forward(backend);
    backend.finish(logits_);
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  }
  float logit(std::size_t pair) const { return logits_[2 * pair + 1]; }

 private:
  std::shared_ptr<Checkpoint> checkpoint_;
  std::unique_ptr<Model> model_;
  std::unique_ptr<Backend> backend_;
  std::vector<float> logits_;
};

// A line of ids for each pair, then an empty line: answered by one line, the seconds and the logits.
void run_on_line(const Arguments& arguments) {
  Forward forward(arguments);
  PackedBatch batch;
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::vector<std::int32_t> ids;
    for (std::int32_t id = 0; words >> id;) ids.push_back(id);
    if (!ids.empty()) {
      add_pair(batch, ids);
      continue;
    }
    fmt::print("{}", forward.run(forward.backend(), batch));
    for (std::size_t pair = 0; pair < batch.segments.size(); ++pair)
      fmt::print(" {:.9g}", forward.logit(pair));
    fmt::print("\n");
    std::fflush(stdout);
    batch.clear();
  }
}

void run(const Arguments& arguments) {
  Forward forward(arguments);
  const TransformerSpec& spec = forward.spec();
  PackedBatch batch;
  std::mt19937 random(1);
  const auto random_ids = [&](int count) {
    std::vector<std::int32_t> ids;
    for (int i = 0; i < count; ++i)
      ids.push_back(static_cast<std::int32_t>(random() % static_cast<std::uint32_t>(spec.vocab)));
    return ids;
  };
  if (arguments.prefix > 0) add_prefix(batch, random_ids(arguments.prefix));
  for (int pair = 0; pair < arguments.pairs; ++pair) {
    add_pair(batch, random_ids(arguments.tokens));
    if (arguments.prefix > 0) attend_to_prefix(batch, arguments.prefix);
  }
  ClockedBackend clocked(forward.backend());
  for (int i = 0; i < 2; ++i) forward.run(clocked, batch);
  clocked.take();
  std::vector<double> whole;
  std::array<std::vector<double>, kNumSteps> steps;
  for (int round = 0; round < arguments.rounds; ++round) {
    whole.push_back(forward.run(clocked, batch));
    const std::array<double, kNumSteps> taken = clocked.take();
    for (std::size_t step = 0; step < kNumSteps; ++step) steps[step].push_back(taken[step]);
  }
  const BackendInfo info = forward.backend().info();
  fmt::print("{}, quantization {} ({}), {} threads; {} pairs of {} tokens: {:.1f} ms, {:.2f} pairs/s\n",
             info.dtype, info.quantization, info.instruction_set, info.num_threads, arguments.pairs,
             arguments.tokens, 1000 * median(whole), arguments.pairs / median(whole));
  const std::array<double, kNumSteps> work =
      work_of(spec, arguments.pairs, arguments.tokens, arguments.prefix);
  for (std::size_t step = 0; step < kNumSteps; ++step) {
    const double seconds = median(steps[step]);
    fmt::print("  {:18}{:9.2f} ms {:5.1f}%", kNames[step], 1000 * seconds, 100 * seconds / median(whole));
    if (work[step] > 0) fmt::print("{:8.0f} GFLOP/s", work[step] / seconds);
    fmt::print("\n");
  }
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
  app.add_option("--pairs", arguments.pairs);
  app.add_option("--tokens", arguments.tokens, "of a pair");
  app.add_option("--prefix", arguments.prefix, "tokens that all pairs share, of a decoder");
  app.add_option("--max-tokens", arguments.max_tokens, "of a forward");
  app.add_option("--rounds", arguments.rounds);
  app.add_flag("--on-line", arguments.on_line, "score the ids on standard input, print seconds and logits");
  CLI11_PARSE(app, argc, argv);
  try {
    arguments.on_line ? rerank::benchmarks::run_on_line(arguments) : rerank::benchmarks::run(arguments);
  } catch (const rerank::Error& error) {
    fmt::print(stderr, "forward_cpu: {}\n", error.what());
    return 1;
  }
}
