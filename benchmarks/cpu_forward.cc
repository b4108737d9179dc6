#include "cpu_forward.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <random>

#include "model/open_model.h"

namespace rerank::benchmarks {
namespace {

using Rounds = std::vector<cpu::StepTimes>;

double median_of(const Rounds& rounds, std::size_t step, double cpu::StepTime::*seconds) {
  std::vector<double> values;
  for (const cpu::StepTimes& times : rounds) values.push_back(times[step].*seconds);
  return median(std::move(values));
}

bool is_product(std::size_t step) {
  switch (static_cast<cpu::Step>(step)) {
    case cpu::Step::kQkv:
    case cpu::Step::kOutput:
    case cpu::Step::kMlpIn:
    case cpu::Step::kMlpOut:
      return true;
    default:
      return false;
  }
}

// What a step reaches, by wall time.
void print_rate(const cpu::StepTime& work, double seconds) {
  if (work.flop > 0) fmt::print("{:8.0f} GFLOP/s", 1e-9 * work.flop / seconds);
  if (work.bytes > 0) fmt::print("{:8.1f} GB/s", 1e-9 * work.bytes / seconds);
  fmt::print("\n");
}

}  // namespace

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

void add_pair(PackedBatch& batch, const std::vector<std::int32_t>& ids) {
  batch.segments.push_back({.first_row = batch.num_tokens(),
                            .num_tokens = static_cast<std::int32_t>(ids.size()),
                            .score = batch.num_scores++});
  batch.ids.insert(batch.ids.end(), ids.begin(), ids.end());
}

CpuForward::CpuForward(const std::string& model, const BackendOptions& backend, int max_tokens, int prefix)
    : checkpoint_(open_model(model)),
      model_(create_model(checkpoint_, read_reranker(*checkpoint_), {.no = 0, .yes = 1}, 512)),
      backend_(backend) {
  backend_.load(model_->weights(), {.max_tokens = max_tokens,
                                    .max_segments = max_tokens,
                                    .max_scores = max_tokens,
                                    .max_ranges = max_tokens,
                                    .num_slots = std::max(1, prefix)});
}

double CpuForward::run(const PackedBatch& batch) {
  logits_.resize(2 * static_cast<std::size_t>(batch.num_scores));
  const auto begin = std::chrono::steady_clock::now();
  backend_.begin(batch);
  model_->forward(backend_);
  backend_.finish(logits_);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

PackedBatch CpuForward::batch_of(const ForwardShape& shape) const {
  std::mt19937 random(1);
  const auto vocab = static_cast<std::uint32_t>(model_->weights().spec().vocab);
  const auto random_ids = [&](int count) {
    std::vector<std::int32_t> ids;
    for (int i = 0; i < count; ++i) ids.push_back(static_cast<std::int32_t>(random() % vocab));
    return ids;
  };
  PackedBatch batch;
  const auto attend_to = [&batch](std::int32_t num_tokens) {
    if (num_tokens == 0) return;
    Segment& segment = batch.segments.back();
    segment.first_position = num_tokens;
    segment.first_range = static_cast<std::int32_t>(batch.ranges.size());
    segment.num_ranges = 1;
    batch.ranges.push_back({.slot = 0, .num_tokens = num_tokens});
  };
  if (shape.computed_prefix > 0) {
    const std::int32_t cached = shape.prefix - shape.computed_prefix;
    batch.segments.push_back({.num_tokens = shape.computed_prefix, .slot = cached});
    batch.ids = random_ids(shape.computed_prefix);
    attend_to(cached);
  }
  for (int pair = 0; pair < shape.pairs; ++pair) {
    add_pair(batch, random_ids(shape.tokens));
    attend_to(shape.prefix);
  }
  return batch;
}

double CpuForward::print_steps(const std::vector<PackedBatch>& batches, int rounds) {
  cpu::StepClock clock;
  backend_.measure(&clock);
  Rounds measured;
  for (int i = 0; i < 2; ++i) run(batches.front());
  clock.take();
  for (int round = 0; round < rounds; ++round) {
    for (const PackedBatch& batch : batches) run(batch);
    measured.push_back(clock.take());
  }
  backend_.measure(nullptr);
  std::array<double, cpu::kNumSteps> wall, processor;
  double wall_sum = 0, processor_sum = 0, products = 0;
  for (std::size_t step = 0; step < cpu::kNumSteps; ++step) {
    wall_sum += wall[step] = median_of(measured, step, &cpu::StepTime::seconds);
    processor_sum += processor[step] = median_of(measured, step, &cpu::StepTime::cpu_seconds);
    if (is_product(step)) products += wall[step];
  }
  fmt::print("  {:18}{:>20}{:>20}\n", "", "wall time, ms", "processor time, ms");
  for (std::size_t step = 0; step < cpu::kNumSteps; ++step) {
    if (wall[step] == 0) continue;
    fmt::print("  {:18}{:12.2f} {:6.1f}%{:12.2f} {:6.1f}%", cpu::kStepNames[step], 1000 * wall[step],
               100 * wall[step] / wall_sum, 1000 * processor[step], 100 * processor[step] / processor_sum);
    print_rate(measured.front()[step], wall[step]);
  }
  return products;
}

}  // namespace rerank::benchmarks
