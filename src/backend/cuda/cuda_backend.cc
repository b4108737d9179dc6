#include "backend/cuda/cuda_backend.h"

#include <fmt/format.h>

#include "rerank/error.h"

namespace rerank::cuda {
namespace {

NumberType type_of(const std::string& quantization) {
  if (quantization == "int8") return NumberType::kInt8;
  return quantization == "fp8" ? NumberType::kE4m3 : NumberType::kBFloat16;
}

}  // namespace

CudaBackend::CudaBackend(const BackendOptions& options)
    : options_(options), devices_(options.device_ordinals) {
  require(
      options.dtype == "auto" || options.dtype == "bfloat16",
      "--device cuda computes in bfloat16 (or --quantization int8 or fp8); --dtype float32 needs --device "
      "cpu",
      ErrorCode::kUnsupported);
  if (devices_.empty()) devices_ = {0};
}

void CudaBackend::load(DecoderWeights& weights, const BackendLimits& limits) {
  const auto count = static_cast<std::int32_t>(devices_.size());
  for (std::int32_t index = 0; index < count; ++index) {
    RERANK_CUDA_CHECK(cudaSetDevice(devices_[static_cast<std::size_t>(index)]));
    const RankOptions rank{.device = devices_[static_cast<std::size_t>(index)],
                           .shard = {index, count},
                           .type = type_of(options_.quantization),
                           .gpu_memory_utilization =
                               options_.gpu_memory_utilization > 0 ? options_.gpu_memory_utilization : 0.9};
    ranks_.push_back(std::make_unique<DeviceRank>(weights, limits, rank));
  }
  if (count > 1) collective_ = std::make_unique<Collective>(devices_);
}

BackendInfo CudaBackend::info() const {
  cudaDeviceProp properties{};
  RERANK_CUDA_CHECK(cudaGetDeviceProperties(&properties, devices_.front()));
  BackendInfo info;
  info.device = "cuda";
  info.device_name =
      devices_.size() == 1 ? properties.name : fmt::format("{} x {}", devices_.size(), properties.name);
  info.dtype = "bfloat16";
  info.quantization = options_.quantization;
  info.instruction_set = fmt::format("sm_{}{}", properties.major, properties.minor);
  info.dtype_reason = "what the cuda backend computes in";
  info.num_threads = 1;
  for (const std::unique_ptr<DeviceRank>& rank : ranks_) {
    info.weight_bytes += rank->weight_bytes();
    info.workspace_bytes += rank->workspace_bytes();
  }
  return info;
}

template <typename Step>
void CudaBackend::each(const Step& step) {
  for (const std::unique_ptr<DeviceRank>& rank : ranks_) {
    RERANK_CUDA_CHECK(cudaSetDevice(rank->device()));
    step(*rank);
  }
}

// Each shard has a part of what is added to the hidden states, which all of them hold.
void CudaBackend::sum_added() {
  if (collective_ == nullptr) return;
  parts_.clear();
  for (const std::unique_ptr<DeviceRank>& rank : ranks_) parts_.push_back({rank->added(), rank->stream()});
  if (ranks_.front()->added_size() > 0) collective_->sum(parts_, ranks_.front()->added_size());
}

void CudaBackend::begin(const PackedBatch& batch) {
  each([&](DeviceRank& rank) { rank.begin(batch); });
}
void CudaBackend::embed() {
  each([](DeviceRank& rank) { rank.embed(); });
}
void CudaBackend::norm_qkv_rope(std::int32_t layer, Projection projection) {
  each([&](DeviceRank& rank) { rank.norm_qkv_rope(layer, projection); });
}
void CudaBackend::attention(std::int32_t layer) {
  each([&](DeviceRank& rank) { rank.attention(layer); });
}
void CudaBackend::attention_output(std::int32_t layer) {
  each([&](DeviceRank& rank) { rank.attention_output(layer); });
  sum_added();
}
void CudaBackend::norm_gate_up(std::int32_t layer) {
  each([&](DeviceRank& rank) { rank.norm_gate_up(layer); });
}
void CudaBackend::down(std::int32_t layer) {
  each([&](DeviceRank& rank) { rank.down(layer); });
  sum_added();
}
void CudaBackend::gather_scored() {
  each([](DeviceRank& rank) { rank.gather_scored(); });
}
void CudaBackend::score_head() {
  each([](DeviceRank& rank) { rank.score_head(); });
}
void CudaBackend::finish(std::span<float> logits) {
  each([&](DeviceRank& rank) { rank.finish(logits); });
}

void CudaBackend::read(Activation activation, std::span<float> out) {
  check(ranks_.size() == 1, "activations of several shards are not put together");
  each([&](DeviceRank& rank) { rank.read(activation, out); });
}
void CudaBackend::write(Activation activation, std::span<const float> values) {
  check(ranks_.size() == 1, "activations of several shards are not taken apart");
  each([&](DeviceRank& rank) { rank.write(activation, values); });
}

}  // namespace rerank::cuda
