// The CUDA backend: one device, or several that divide every layer (tensor parallelism).
#pragma once

#include <memory>
#include <vector>

#include "backend/backend.h"
#include "backend/cuda/collective/collective.h"
#include "backend/cuda/device_rank.h"

namespace rerank::cuda {

class CudaBackend final : public Backend {
 public:
  // Throws Error{kUnsupported} naming an option that GPUs do not support.
  explicit CudaBackend(const BackendOptions& options);
  ~CudaBackend() override;

  void load(TransformerWeights& weights, const BackendLimits& limits) override;
  BackendInfo info() const override;
  int max_in_flight() const override { return DeviceRank::kInFlight; }

  void begin(const PackedBatch& batch) override;
  void embed() override;
  void qkv(std::int32_t layer, Projection projection) override;
  void attention(std::int32_t layer) override;
  void attention_output(std::int32_t layer) override;
  void mlp_in(std::int32_t layer) override;
  void mlp_out(std::int32_t layer) override;
  void pool() override;
  void head() override;
  void finish(std::span<float> logits) override;

  // REQUIRES: one device.
  void read(Activation activation, std::span<float> out) override;
  void write(Activation activation, std::span<const float> values) override;

 private:
  // Runs a step on all devices; an exception in it means that they have failed.
  template <typename Step>
  void guarded(const Step& step);
  template <typename Step>
  void each(const Step& step);
  void sum_added();

  BackendOptions options_;
  std::vector<int> devices_;  // [ranks]
  std::vector<std::unique_ptr<DeviceRank>> ranks_;
  std::unique_ptr<Collective> collective_;  // of several ranks
  bool has_failed_ = false;
};

}  // namespace rerank::cuda
