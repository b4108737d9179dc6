// Fills the table of kernels for quantized layers, for one vector type and one arithmetic of bytes.
#pragma once

#include "backend/cpu/int8/products.inl.h"
#include "backend/cpu/kernel_set.inl.h"

namespace rerank::cpu {
namespace {

template <class V, class Bytes, class Tiles, class Kind, NormTarget Target>
void norm_quantized(const NormTask& task) {
  for (std::int32_t row = task.first_row; row < task.end_row; ++row) {
    const float* x = task.x + std::int64_t{row} * task.k;
    float* out = task.out + std::int64_t{row} * task.k;
    const Kind kind(task, x);
    const auto normed = [&](std::int32_t i) {
      const typename V::Vec values = kind.of(x, i);
      if constexpr (Target == NormTarget::kBoth) V::store(out + i, values);
      return values;
    };
    quantize_row<V, Bytes, Tiles>(normed, task.tiles, row);
  }
}

template <class V, class Bytes, class Tiles, class Row, class Kind>
constexpr NormKernels int8_norm_kernels() {
  return {.to_tiles = &norm_quantized<V, Bytes, Tiles, Kind, NormTarget::kTiles>,
          .to_rows = &norm<V, Row, Kind, NormTarget::kRows>,
          .to_both = &norm_quantized<V, Bytes, Tiles, Kind, NormTarget::kBoth>};
}

// `Gemm` multiplies quantized row tiles and weights, `Attend` rows and keys or values, in the keys' format.
template <class V, class Bytes, class Gemm, class Attend>
constexpr Kernels int8_kernel_set(const char* instruction_set, Format keys, bool (*supported)()) {
  using Tiles = typename Gemm::Tiles;
  using Out = typename Gemm::Out;
  Kernels kernels = kernel_set<V, Gemm, Attend>(instruction_set, int8_with(keys), supported);
  kernels.tile_bytes = &Tiles::tile_bytes;
  kernels.quantize_staged = &quantize_staged_row<V, Bytes, Tiles, Out>;
  kernels.rms_norm = int8_norm_kernels<V, Bytes, Tiles, typename Attend::Row, RmsNorm<V>>();
  kernels.layer_norm = int8_norm_kernels<V, Bytes, Tiles, typename Attend::Row, LayerNorm<V>>();
  kernels.attention = choose_attention<V, Attend, Out>();
  kernels.prompt_attention = &prompt_attention<V, Attend, Out>;
  kernels.pack_row = &quantize_plain_row<V, Bytes, Tiles>;
  kernels.unpack_row = nullptr;
  return kernels;
}

}  // namespace
}  // namespace rerank::cpu
