#include "backend/cuda/cuda_backend.h"

#include <fmt/format.h>

#include <utility>

#include "backend/cuda/kernel_sets.h"
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
  if (options.dtype != "auto" && options.dtype != "bfloat16") {
    throw Error(
        ErrorCode::kUnsupported, {.member = "dtype"},
        "the cuda backend computes in bfloat16, or quantized to int8 or fp8; the cpu backend in float32 too");
  }
  if (devices_.empty()) devices_ = {0};
}

// A device that has failed may still be busy, and freeing its memory would wait for it: it is left to the end
// of the process.
CudaBackend::~CudaBackend() {
  if (!has_failed_) return;
  for (std::unique_ptr<DeviceRank>& rank : ranks_) static_cast<void>(rank.release());
}

void CudaBackend::load(TransformerWeights& weights, const BackendLimits& limits) {
  const std::string key = unsupported_key(weights.spec());
  require(key.empty(), fmt::format("the cuda backend does not compute {}; the cpu backend may", key),
          ErrorCode::kUnsupported);
  if (options_.quantization != "none" &&
      (has_row_norms(weights.spec()) || weights.spec().mask != Mask::kCausal)) {
    throw Error(ErrorCode::kUnsupported, {.member = "quantization"},
                "the cuda backend quantizes causal decoders alone; this model is an encoder");
  }
  const auto count = static_cast<std::int32_t>(devices_.size());
  Patience patience{.limit = options_.device_timeout, .look = {}};
  if (count > 1) patience.look = [this] { collective_->check_devices(); };
  for (std::int32_t index = 0; index < count; ++index) {
    RERANK_CUDA_CHECK(cudaSetDevice(devices_[static_cast<std::size_t>(index)]));
    const RankOptions rank{
        .device = devices_[static_cast<std::size_t>(index)],
        .shard = {index, count},
        .type = type_of(options_.quantization),
        .gpu_memory_utilization = options_.gpu_memory_utilization > 0 ? options_.gpu_memory_utilization : 0.9,
        .patience = patience};
    ranks_.push_back(std::make_unique<DeviceRank>(weights, limits, rank));
  }
  if (count == 1) return;
  std::vector<Collective::Rank> ranks;
  for (const auto& rank : ranks_) ranks.push_back({rank->device(), rank->added(), rank->stream()});
  collective_ = std::make_unique<Collective>(std::move(ranks));
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
void CudaBackend::guarded(const Step& step) {
  try {
    step();
  } catch (...) {
    // The other ranks would wait forever for the sums of the one that failed.
    if (!std::exchange(has_failed_, true) && collective_ != nullptr) collective_->abort();
    throw;
  }
}

template <typename Step>
void CudaBackend::each(const Step& step) {
  guarded([&] {
    for (const std::unique_ptr<DeviceRank>& rank : ranks_) {
      RERANK_CUDA_CHECK(cudaSetDevice(rank->device()));
      step(*rank);
    }
  });
}

// Each shard has a part of what is added to the hidden states, which are the same in all of them.
void CudaBackend::sum_added() {
  if (collective_ == nullptr) return;
  const SumLayout layout = ranks_.front()->sum_layout();
  if (layout.run() > 0) guarded([&] { sum_over_ranks(layout, *collective_); });
}

void CudaBackend::begin(const PackedBatch& batch) {
  each([&](DeviceRank& rank) { rank.begin(batch); });
}
void CudaBackend::embed() {
  each([](DeviceRank& rank) { rank.embed(); });
}
void CudaBackend::qkv(std::int32_t layer, Projection projection) {
  each([&](DeviceRank& rank) { rank.qkv(layer, projection); });
}
void CudaBackend::attention(std::int32_t layer) {
  each([&](DeviceRank& rank) { rank.attention(layer); });
}
void CudaBackend::attention_output(std::int32_t layer) {
  each([&](DeviceRank& rank) { rank.attention_output(layer); });
  sum_added();
}
void CudaBackend::mlp_in(std::int32_t layer) {
  each([&](DeviceRank& rank) { rank.mlp_in(layer); });
}
void CudaBackend::mlp_out(std::int32_t layer) {
  each([&](DeviceRank& rank) { rank.mlp_out(layer); });
  sum_added();
}
void CudaBackend::pool() {
  each([](DeviceRank& rank) { rank.pool(); });
}
void CudaBackend::head() {
  each([](DeviceRank& rank) { rank.head(); });
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
