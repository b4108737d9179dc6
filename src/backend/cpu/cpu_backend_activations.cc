// Access to activations in plain float32, for tests of layers that are not quantized.
#include <cstring>

#include "backend/cpu/cpu_backend.h"
#include "rerank/error.h"

namespace rerank::cpu {

void CpuBackend::read(Activation activation, std::span<float> out) {
  const auto copy = [&](const MemoryBlock& from, std::int32_t columns) {
    check(out.size() == static_cast<std::size_t>(num_rows_) * static_cast<std::size_t>(columns),
          "wrong size to read");
    std::memcpy(out.data(), from.data(), out.size_bytes());
  };
  const auto unpack = [&](const MemoryBlock& from, std::int32_t k, std::int32_t columns) {
    check(out.size() == static_cast<std::size_t>(num_rows_) * static_cast<std::size_t>(columns),
          "wrong size to read");
    std::vector<float> row(static_cast<std::size_t>(k));
    for (std::int32_t r = 0; r < num_rows_; ++r) {
      kernels_->unpack_row({from.data(), k}, r, row.data());
      std::memcpy(out.data() + std::int64_t{r} * columns, row.data(), static_cast<std::size_t>(columns) * 4);
    }
  };
  switch (activation) {
    case Activation::kHidden:
      return copy(hidden_, spec_.hidden);
    case Activation::kQkv:
      return copy(qkv_, spec_.qkv_dim());
    case Activation::kAttention:
      return unpack(attention_tiles_, spec_.query_dim(), spec_.query_dim());
    case Activation::kFfn:
      return unpack(ffn_tiles_, ffn_, spec_.ffn);
  }
}

void CpuBackend::write(Activation activation, std::span<const float> values) {
  const auto copy = [&](const MemoryBlock& to) {
    std::memcpy(to.data(), values.data(), values.size_bytes());
  };
  const auto pack = [&](const MemoryBlock& to, std::int32_t k, std::int32_t columns) {
    std::vector<float> row(static_cast<std::size_t>(k), 0.0f);
    for (std::int32_t r = 0; r < num_rows_; ++r) {
      std::memcpy(row.data(), values.data() + std::int64_t{r} * columns,
                  static_cast<std::size_t>(columns) * 4);
      kernels_->pack_row(row.data(), {to.data(), k}, r);
    }
  };
  switch (activation) {
    case Activation::kHidden:
      copy(hidden_);
      if (norms_behind_) pack_hidden(*kernels_);
      return;
    case Activation::kQkv:
      return copy(qkv_);
    case Activation::kAttention:
      return pack(attention_tiles_, spec_.query_dim(), spec_.query_dim());
    case Activation::kFfn:
      return pack(ffn_tiles_, ffn_, spec_.ffn);
  }
}

}  // namespace rerank::cpu
