// Access to activations in plain float32, for tests.
#include <bit>
#include <vector>

#include "backend/cuda/device_rank.h"
#include "backend/cuda/size.h"
#include "base/data_type.h"

namespace rerank::cuda {

std::pair<DeviceBFloat16*, std::int32_t> DeviceRank::buffer(Activation activation) const {
  switch (activation) {
    case Activation::kQkv:
      return {qkv_.as<DeviceBFloat16>(), spec_.qkv_dim()};
    case Activation::kAttention:
      return {attention_.values.as<DeviceBFloat16>(), spec_.query_dim()};
    default:
      return {ffn_rows_.values.as<DeviceBFloat16>(), ffn_};
  }
}

void DeviceRank::read(Activation activation, std::span<float> out) {
  if (activation == Activation::kHidden) {
    add_now();
    std::vector<BFloat16> high(out.size());
    std::vector<std::int8_t> low(out.size());
    RERANK_CUDA_CHECK(cudaStreamSynchronize(stream_.get()));
    const Residual& x = hidden_now_->rows;
    RERANK_CUDA_CHECK(cudaMemcpy(high.data(), x.high, 2 * high.size(), cudaMemcpyDeviceToHost));
    RERANK_CUDA_CHECK(cudaMemcpy(low.data(), x.low, low.size(), cudaMemcpyDeviceToHost));
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = residual_value(high[i].bits, low[i]);
    return;
  }
  const auto [from, stride] = buffer(activation);
  std::vector<BFloat16> rows(size(std::int64_t{num_rows_} * stride));
  RERANK_CUDA_CHECK(
      cudaMemcpyAsync(rows.data(), from, 2 * rows.size(), cudaMemcpyDeviceToHost, stream_.get()));
  RERANK_CUDA_CHECK(cudaStreamSynchronize(stream_.get()));
  const std::size_t columns = out.size() / size(num_rows_);
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = to_float(rows[i / columns * size(stride) + i % columns]);
  }
}

void DeviceRank::write(Activation activation, std::span<const float> values) {
  if (activation == Activation::kHidden) {
    std::vector<BFloat16> high(values.size());
    std::vector<std::int8_t> low(values.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
      const std::uint32_t bits = std::bit_cast<std::uint32_t>(values[i]) + 0x80;  // half of the last of 24
      high[i] = {static_cast<std::uint16_t>((bits + 0x8000) >> 16)};
      low[i] = static_cast<std::int8_t>(bits >> 8 & 0xff);
    }
    const Residual& x = hidden_now_->rows;
    RERANK_CUDA_CHECK(cudaStreamSynchronize(stream_.get()));
    RERANK_CUDA_CHECK(cudaMemcpy(x.high, high.data(), 2 * high.size(), cudaMemcpyHostToDevice));
    RERANK_CUDA_CHECK(cudaMemcpy(x.low, low.data(), low.size(), cudaMemcpyHostToDevice));
    is_to_be_added_ = false;
    launch_add(nullptr, x, num_rows_, stream_.get());
    kernels_->after_other();
    return;
  }
  const auto [to, stride] = buffer(activation);
  std::vector<BFloat16> rows(size(std::int64_t{num_rows_} * stride));
  const std::size_t columns = values.size() / size(num_rows_);
  for (std::size_t i = 0; i < values.size(); ++i) {
    rows[i / columns * size(stride) + i % columns] = to_bfloat16(values[i]);
  }
  RERANK_CUDA_CHECK(cudaMemcpyAsync(to, rows.data(), 2 * rows.size(), cudaMemcpyHostToDevice, stream_.get()));
  RERANK_CUDA_CHECK(cudaStreamSynchronize(stream_.get()));
}

}  // namespace rerank::cuda
