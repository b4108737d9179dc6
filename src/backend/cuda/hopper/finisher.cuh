// What all epilogues (finishers) of matrix products have in common; see fused_gemm.cu. For kernels only.
#pragma once

#include "backend/cuda/hopper/fused_gemm_block.cuh"

namespace rerank::cuda {

// Results as float32, multiplied by the scales of their outputs.
template <NumberType Type>
__device__ inline Vector8 value_of(uint4 results, const Vector8& scales) {
  const Vector8 values = unpack8(results);
  return is_quantized(Type) ? times8(values, scales) : values;
}

// A finisher has finish(tile, number of rows, for_each_part), which calls for_each_part(use), which calls
// use(part) for each part of the tile: what all parts need is read once, before waiting for them. Its
// expect() is called for the block's last tile, which the multipliers finish. If it needs values per row, the
// parts get them from row(index, scale).
struct ScaledRows {
  using Row = float;
  __device__ static Row row(int, float scale) { return scale; }
};

}  // namespace rerank::cuda
