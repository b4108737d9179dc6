// A row that a block of threads holds in registers, and reductions over it. For kernels only.
#pragma once

#include <cstdint>

#include "backend/cuda/rows/residual.cuh"
#include "backend/cuda/rows/vectors.cuh"
#include "rerank/error.h"

namespace rerank::cuda {

constexpr int kRowVectors = 4;  // of eight values, per thread
constexpr int kMaxRowThreads = 512;

// The block for rows of this many columns: as many whole warps as a row needs, or four rows of one warp each.
inline dim3 row_block(std::int32_t columns) {
  constexpr int kColumns = 8 * kRowVectors * 32;  // of a warp
  check(columns % 8 == 0 && columns <= kMaxRowThreads / 32 * kColumns, "a row that the kernels cannot hold");
  const auto threads = static_cast<unsigned>((columns + kColumns - 1) / kColumns * 32);
  return {threads, threads == 32 ? 4u : 1u};
}
inline unsigned row_blocks(std::int32_t num_rows, const dim3& block) {
  return (static_cast<unsigned>(num_rows) + block.y - 1) / block.y;
}

// The i-th vector of this thread: consecutive vectors are in consecutive lanes.
__device__ inline int row_vector(int i) {
  return i * static_cast<int>(blockDim.x) + static_cast<int>(threadIdx.x);
}

// Reduces with op over the threads of a row; all of them get the result.
template <typename Op>
__device__ inline float over_row(float value, const Op& op) {
  __shared__ float parts[kMaxRowThreads / 32];
#pragma unroll
  for (int offset = 16; offset > 0; offset /= 2)
    value = op(value, __shfl_xor_sync(0xffffffffu, value, offset));
  if (blockDim.x == 32) return value;
  if (threadIdx.x % 32 == 0) parts[threadIdx.x / 32] = value;
  __syncthreads();
  float all = parts[0];
  for (unsigned warp = 1; warp < blockDim.x / 32; ++warp) all = op(all, parts[warp]);
  __syncthreads();
  return all;
}
__device__ inline float row_sum(float value) {
  return over_row(value, [](float a, float b) { return a + b; });
}
// NaN stays NaN.
__device__ inline float largest_or_nan(float a, float b) {
  float largest;
  asm("max.NaN.f32 %0, %1, %2;" : "=f"(largest) : "f"(a), "f"(b));
  return largest;
}
__device__ inline float row_max(float value) {
  return over_row(value, [](float a, float b) { return largest_or_nan(a, b); });
}

// Loads a row, multiplied by the factors of its columns if there are any; zeros past the end.
__device__ inline void load_row(const DeviceBFloat16* x, const float* factors, int num_vectors, int row,
                                Vector8 (&held)[kRowVectors]) {
  const uint4* from = reinterpret_cast<const uint4*>(x) + static_cast<std::int64_t>(row) * num_vectors;
  uint4 bits[kRowVectors];
#pragma unroll
  for (int i = 0; i < kRowVectors; ++i) {
    bits[i] = row_vector(i) < num_vectors ? from[row_vector(i)] : uint4{0, 0, 0, 0};
  }
#pragma unroll
  for (int i = 0; i < kRowVectors; ++i) {
    held[i] = unpack8(bits[i]);
    if (factors != nullptr && row_vector(i) < num_vectors) {
      held[i] = times8(held[i], load8(factors + 8 * row_vector(i)));
    }
  }
}
__device__ inline void load_row(const Residual& x, int row, Residual8 (&held)[kRowVectors]) {
#pragma unroll
  for (int i = 0; i < kRowVectors; ++i) {
    const int column = 8 * row_vector(i);
    held[i] = column < x.hidden ? load_residual(x, static_cast<std::int64_t>(row) * x.hidden + column)
                                : Residual8{};
  }
}

// The sum of squares of this thread's values.
__device__ inline float square_sum(const Vector8 (&held)[kRowVectors]) {
  float sum = 0;
#pragma unroll
  for (int i = 0; i < kRowVectors; ++i) {
#pragma unroll
    for (const float x : held[i].values) sum += x * x;
  }
  return sum;
}
// 1 / sqrt(mean(x^2) + eps) of the row.
__device__ inline float inverse_rms(const Vector8 (&held)[kRowVectors], int columns, float eps) {
  return rsqrtf(row_sum(square_sum(held)) / static_cast<float>(columns) + eps);
}

}  // namespace rerank::cuda
