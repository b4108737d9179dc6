// Forwards of a model on the CPU without tokenizer and engine, and the table of their steps.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "backend/cpu/cpu_backend.h"
#include "model/model.h"

namespace rerank::benchmarks {

double median(std::vector<double> values);

// Pairs of equal length.
struct ForwardShape {
  int pairs = 20;
  int tokens = 158;         // of a pair, without the prefix
  int prefix = 0;           // tokens that all pairs attend to, of a decoder
  int computed_prefix = 0;  // the last ones of the prefix that are computed in this forward

  int computed() const { return pairs * tokens + computed_prefix; }
};

class CpuForward {
 public:
  // `prefix`: of all shapes.
  CpuForward(const std::string& model, const BackendOptions& backend, int max_tokens, int prefix);

  BackendInfo info() const { return backend_.info(); }

  // Seconds.
  double run(const PackedBatch& batch);
  float logit(std::size_t pair) const { return logits_[2 * pair + 1]; }
  // Of random tokens.
  PackedBatch batch_of(const ForwardShape& shape) const;

  // Prints the time of each step and what it reaches: medians of `rounds` rounds, in each of which all
  // batches are computed. Returns the seconds of a round that are products.
  double print_steps(const std::vector<PackedBatch>& batches, int rounds);

 private:
  std::shared_ptr<Checkpoint> checkpoint_;
  std::unique_ptr<Model> model_;
  cpu::CpuBackend backend_;
  std::vector<float> logits_;
};

void add_pair(PackedBatch& batch, const std::vector<std::int32_t>& ids);

}  // namespace rerank::benchmarks
