// One forward on a GPU, kernel by kernel: where its time goes, and at what rate each kernel works. The batch
// is the load of a search service: queries of `head` tokens shared by 50 documents each, or one long
// document.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "backend/cuda/device_rank.h"
#include "backend/cuda/kernel_clock.h"
#include "base/files/whole_file.h"
#include "model/model.h"
#include "model/open_model.h"
#include "model/synthetic/synthetic_checkpoint.h"
#include "rerank/error.h"

namespace rerank::benchmarks {
namespace {

struct Arguments {
  std::string model = "synth:0.6B";
  std::vector<int> tokens = {2048, 4224, 8448};
  int head = 105;
  int document = 213;
  int documents_of_head = 50;
  int rounds = 11;
  cuda::NumberType type = cuda::NumberType::kBFloat16;
  bool products = false;
};

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

// DeviceRank as the Backend that a model's forward asks for.
class OneDevice final : public Backend {
 public:
  explicit OneDevice(cuda::DeviceRank& rank) : rank_(rank) {}

  void load(TransformerWeights&, const BackendLimits&) override {}
  BackendInfo info() const override { return {}; }
  void begin(const PackedBatch& batch) override { rank_.begin(batch); }
  void embed() override { rank_.embed(); }
  void qkv(std::int32_t layer, Projection projection) override { rank_.qkv(layer, projection); }
  void attention(std::int32_t layer) override { rank_.attention(layer); }
  void attention_output(std::int32_t layer) override { rank_.attention_output(layer); }
  void mlp_in(std::int32_t layer) override { rank_.mlp_in(layer); }
  void mlp_out(std::int32_t layer) override { rank_.mlp_out(layer); }
  void pool() override { rank_.pool(); }
  void head() override { rank_.head(); }
  void finish(std::span<float> logits) override { rank_.finish(logits); }
  void read(Activation activation, std::span<float> out) override { rank_.read(activation, out); }
  void write(Activation activation, std::span<const float> values) override {
    rank_.write(activation, values);
  }

 private:
  cuda::DeviceRank& rank_;
};

class BatchMaker {
 public:
  explicit BatchMaker(int vocab) : vocab_(static_cast<unsigned>(vocab)) {}

  // At most `num_tokens` tokens.
  PackedBatch make(const Arguments& arguments, int num_tokens) {
    batch_.clear();
    int slot = 0, documents = arguments.documents_of_head;
    while (batch_.num_tokens() + arguments.document <= num_tokens) {
      if (arguments.head > 0 && documents == arguments.documents_of_head) {
        if (batch_.num_tokens() + arguments.head + arguments.document > num_tokens) break;
        add(arguments.head, {}, slot, false);
        slot += arguments.head;
        documents = 0;
      }
      ++documents;
      const std::vector<KeyRange> parents =
          arguments.head > 0 ? std::vector<KeyRange>{{slot - arguments.head, arguments.head}}
                             : std::vector<KeyRange>{};
      add(arguments.document, parents, kNotKept, true);
    }
    return batch_;
  }

 private:
  void add(int num_tokens, const std::vector<KeyRange>& parents, int slot, bool scored) {
    Segment segment;
    segment.first_row = batch_.num_tokens();
    segment.num_tokens = num_tokens;
    segment.first_range = static_cast<std::int32_t>(batch_.ranges.size());
    segment.num_ranges = static_cast<std::int32_t>(parents.size());
    for (const KeyRange& parent : parents) segment.first_position += parent.num_tokens;
    batch_.ranges.insert(batch_.ranges.end(), parents.begin(), parents.end());
    segment.slot = slot;
    if (scored) segment.score = batch_.num_scores++;
    batch_.segments.push_back(segment);
    for (int i = 0; i < num_tokens; ++i) batch_.ids.push_back(static_cast<std::int32_t>(random_() % vocab_));
  }

  unsigned vocab_;
  PackedBatch batch_;
  std::mt19937 random_{1};
};

// What each kernel has to do in a whole forward: 1e9 operations, or 1e9 bytes where it only moves them.
struct Work {
  double gflop = 0;
  double gbyte = 0;
};

std::map<std::string, Work> work_of(const TransformerSpec& s, const PackedBatch& batch, bool quantized) {
  const double rows = batch.num_tokens(), scored = batch.num_scores;
  const double full = s.num_layers - 1;  // layers that compute all rows; the last computes the scored ones
  const auto product = [&](double outputs, double inputs) {
    return Work{.gflop = 2e-9 * outputs * inputs * (full * rows + scored)};
  };
  double pairs = 0, last_pairs = 0;  // of query row and visible key
  for (const Segment& segment : batch.segments) {
    const double n = segment.num_tokens, before = segment.first_position;
    pairs += n * before + n * (n + 1) / 2;
    if (segment.score != kNotScored) last_pairs += before + n;
  }
  const double element = quantized ? 1 : 2;
  std::map<std::string, Work> work;
  work["GEMM query/key/value"] = product(s.qkv_dim(), s.hidden);
  work["GEMM query/key/value"].gflop += 2e-9 * 2 * s.kv_dim() * s.hidden * (rows - scored);
  work["GEMM output"] = product(s.hidden, s.query_dim());
  work["GEMM gate, up"] = product(2.0 * s.ffn, s.hidden);
  work["GEMM down"] = product(s.hidden, s.ffn);
  work["attention"].gflop = 4e-9 * s.query_dim() * (full * pairs + last_pairs);
  work["norm"].gbyte = 1e-9 * s.hidden * (4 + element) * (2 * full * rows + rows + 2 * scored);
  work["quantize ffn"].gbyte = quantized ? 1e-9 * s.ffn * 3 * (full * rows) : 0;
  work["quantize attention"].gbyte = quantized ? 1e-9 * s.query_dim() * 3 * (full * rows) : 0;
  work["embed"].gbyte = 6e-9 * s.hidden * rows;
  return work;
}

std::string rate(const Work& work, double milliseconds) {
  if (work.gflop > 0) return fmt::format("{:8.0f} TFLOP/s", work.gflop / milliseconds);
  if (work.gbyte > 0) return fmt::format("{:8.0f} GB/s", 1000 * work.gbyte / milliseconds);
  return "";
}

class Measurement {
 public:
  Measurement(Model& model, cuda::DeviceRank& rank, const Arguments& arguments)
      : model_(model), rank_(rank), backend_(rank), arguments_(arguments) {}

  void run(const PackedBatch& batch) {
    for (int i = 0; i < 3; ++i) forward(batch);
    std::map<std::string, std::vector<double>> kernels;
    std::vector<double> whole, marked;
    for (int round = 0; round < arguments_.rounds; ++round) {
      whole.push_back(time_forward(batch));
      rank_.measure(&clock_);
      clock_.start(rank_.stream());
      forward(batch);
      rank_.measure(nullptr);
      double sum = 0;
      for (const auto& [name, taken] : clock_.milliseconds()) {
        kernels[name].push_back(taken);
        sum += taken;
      }
      marked.push_back(sum);
    }
    print(batch, kernels, median(whole), median(marked));
  }

 private:
  void forward(const PackedBatch& batch) {
    logits_.resize(2 * static_cast<std::size_t>(batch.num_scores));
    backend_.begin(batch);
    model_.forward(backend_);
    backend_.finish(logits_);
  }

  // Several in a row, as a busy engine hands them over; milliseconds of one.
  double time_forward(const PackedBatch& batch) {
    constexpr int kForwards = 4;
    logits_.resize(2 * static_cast<std::size_t>(batch.num_scores));
    RERANK_CUDA_CHECK(cudaEventRecord(begin_.get(), rank_.stream()));
    for (int i = 0; i < kForwards; ++i) {
      backend_.begin(batch);
      model_.forward(backend_);
      if (i > 0) backend_.finish(logits_);
    }
    backend_.finish(logits_);
    RERANK_CUDA_CHECK(cudaEventRecord(end_.get(), rank_.stream()));
    RERANK_CUDA_CHECK(cudaEventSynchronize(end_.get()));
    float taken = 0;
    RERANK_CUDA_CHECK(cudaEventElapsedTime(&taken, begin_.get(), end_.get()));
    return taken / kForwards;
  }

  void print(const PackedBatch& batch, std::map<std::string, std::vector<double>>& kernels, double whole,
             double marked) {
    const std::map<std::string, Work> work =
        work_of(model_.weights().spec(), batch, cuda::is_quantized(arguments_.type));
    fmt::print("{} tokens, {} documents: {:.2f} ms, {:.0f} thousand tokens/s, {:.0f} documents/s\n",
               batch.num_tokens(), batch.num_scores, whole, batch.num_tokens() / whole,
               1000 * batch.num_scores / whole);
    double gemms = 0, gflop = 0;
    for (auto& [name, taken] : kernels) {
      const double milliseconds = median(taken);
      const auto found = work.find(name);
      fmt::print("  {:24} {:8.3f} ms {:5.1f}%  {}\n", name, milliseconds, 100 * milliseconds / marked,
                 found == work.end() ? "" : rate(found->second, milliseconds));
      if (!name.starts_with("GEMM")) continue;
      gemms += milliseconds;
      gflop += found->second.gflop;
    }
    fmt::print("  {:24} {:8.3f} ms {:5.1f}%  {:8.0f} TFLOP/s\n", "all GEMMs", gemms, 100 * gemms / marked,
               gflop / gemms);
    fmt::print("  {:24} {:8.3f} ms  (marking included)\n", "all kernels", marked);
    fmt::print("  GEMMs at their rate here, alone: {:.0f}% of the forward's time\n", 100 * gemms / whole);
  }

  Model& model_;
  cuda::DeviceRank& rank_;
  OneDevice backend_;
  const Arguments& arguments_;
  cuda::KernelClock clock_;
  cuda::Event begin_{cudaEventDefault}, end_{cudaEventDefault};
  std::vector<float> logits_;
};

void print_products(const cuda::DeviceRank& rank) {
  for (const auto& [name, gemm] : rank.chosen_products()) {
    const cuda::GemmShape& shape = gemm->shape();
    fmt::print("{} [{}, {}]\n", name, shape.outputs, shape.inputs);
    for (const cuda::Gemm::Choice& choice : gemm->choices()) {
      fmt::print("  up to {:5} rows: ", choice.max_rows);
      if (choice.num_equal > 0) {
        const double gflop = 2e-9 * choice.max_rows * shape.outputs * shape.inputs;
        fmt::print("{:7.1f} us, {:5.0f} TFLOP/s; ", choice.microseconds, 1e3 * gflop / choice.microseconds);
      }
      fmt::print("{} of {} candidates with the same bits\n", choice.num_equal, choice.num_candidates);
    }
  }
}

// A config.json alone is a model of that shape with made up weights.
std::shared_ptr<Checkpoint> open(const std::string& model) {
  if (!model.ends_with(".json")) return open_model(model);
  return std::make_shared<SyntheticCheckpoint>(
      SyntheticOptions{.config_json = read_whole_file(model), .size_name = model});
}

void run(const Arguments& arguments) {
  const int most = *std::ranges::max_element(arguments.tokens);
  const int positions = arguments.head + arguments.document + 1;
  const std::shared_ptr<Checkpoint> checkpoint = open(arguments.model);
  const std::unique_ptr<Model> model =
      create_model(checkpoint, read_reranker(*checkpoint), {.no = 0, .yes = 1}, positions);
  const int heads = most / (arguments.head + arguments.document) + 1;
  const BackendLimits limits{.max_tokens = most,
                             .max_segments = most / arguments.document + heads + 1,
                             .max_scores = most / arguments.document + 1,
                             .max_ranges = 2 * (most / arguments.document + heads + 1),
                             .num_slots = heads * arguments.head + 1};
  cuda::DeviceRank rank(model->weights(), limits, {.type = arguments.type});
  if (arguments.products) print_products(rank);
  Measurement measurement(*model, rank, arguments);
  for (const int tokens : arguments.tokens)
    measurement.run(BatchMaker(model->weights().spec().vocab).make(arguments, tokens));
}

}  // namespace
}  // namespace rerank::benchmarks

int main(int argc, char** argv) {
  rerank::benchmarks::Arguments arguments;
  CLI::App app("A forward on the GPU, kernel by kernel.");
  app.add_option("-m,--model", arguments.model, "checkpoint directory, a config.json alone, or synth:SIZE");
  app.add_option("--tokens", arguments.tokens, "of a forward, at most; several are measured in turn");
  app.add_option("--head", arguments.head, "tokens that documents share; 0: none");
  app.add_option("--document", arguments.document, "tokens of a document's own");
  app.add_option("--rounds", arguments.rounds);
  const std::map<std::string, rerank::cuda::NumberType> types = {
      {"none", rerank::cuda::NumberType::kBFloat16},
      {"int8", rerank::cuda::NumberType::kInt8},
      {"fp8", rerank::cuda::NumberType::kE4m3}};
  app.add_option("--quantization", arguments.type, "none, int8 or fp8")
      ->transform(CLI::CheckedTransformer(types));
  app.add_flag("--products", arguments.products, "show what was chosen for each product");
  CLI11_PARSE(app, argc, argv);
  try {
    rerank::benchmarks::run(arguments);
  } catch (const rerank::Error& error) {
    fmt::print(stderr, "forward_cuda: {}\n", error.what());
    return 1;
  }
}
