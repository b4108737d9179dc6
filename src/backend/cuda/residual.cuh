// Rows of the residual as eight lanes share them, with sums of squares in one order wherever they are taken.
// For kernels only.
#pragma once

#include <cstdint>

#include "backend/cuda/kernels.h"
#include "backend/cuda/vectors.cuh"

namespace rerank::cuda {

// Eight numbers of a row.
struct Residual8 {
  uint4 high, low;

  __device__ Vector8 sum() const {
    Vector8 x = unpack8(high);
    const Vector8 rest = unpack8(low);
#pragma unroll
    for (int e = 0; e < 8; ++e) x.values[e] += rest.values[e];
    return x;
  }
  __device__ static Residual8 of(const Vector8& x) {
    Residual8 made;
    made.high = pack8(x);
    Vector8 rest = unpack8(made.high);
#pragma unroll
    for (int e = 0; e < 8; ++e) rest.values[e] = x.values[e] - rest.values[e];
    made.low = pack8(rest);
    return made;
  }
};

__device__ inline Residual8 load_residual(const Residual& x, std::int64_t at) {
  return {*reinterpret_cast<const uint4*>(x.high + at), *reinterpret_cast<const uint4*>(x.low + at)};
}
__device__ inline void store_residual(const Residual& x, std::int64_t at, const Residual8& values) {
  *reinterpret_cast<uint4*>(x.high + at) = values.high;
  *reinterpret_cast<uint4*>(x.low + at) = values.low;
}

// A lane's share of kSquarePart columns of a row: of each group of 64 columns, 8 neighbours.
struct ResidualPart {
  static constexpr int kLanes = 8;
  static constexpr int kGroupColumns = 8 * kLanes;
  static constexpr int kGroups = kSquarePart / kGroupColumns;

  Residual x;
  std::int64_t row;
  int part;
  bool inside;
  float squares = 0;

  __device__ int column(int group) const {
    return part * kSquarePart + group * kGroupColumns + threadIdx.x % kLanes * 8;
  }
  __device__ bool has(int group) const { return inside && column(group) < x.hidden; }
  __device__ std::int64_t at(int group) const { return row * x.hidden + column(group); }

  __device__ Residual8 load(int group) const {
    return has(group) ? load_residual(x, at(group)) : Residual8{};
  }
  // The groups in turn.
  __device__ void take_squares(const Vector8& values) {
    float sums[4];
#pragma unroll
    for (int e = 0; e < 4; ++e) {
      sums[e] = fmaf(values.values[e], values.values[e], values.values[4 + e] * values.values[4 + e]);
    }
    squares += (sums[0] + sums[1]) + (sums[2] + sums[3]);
  }
  __device__ void add(int group, const Residual8& before, const Vector8& added) {
    Vector8 values = before.sum();
#pragma unroll
    for (int e = 0; e < 8; ++e) values.values[e] += added.values[e];
    take_squares(values);
    if (has(group)) store_residual(x, at(group), Residual8::of(values));
  }
  // By whole warps, after all groups.
  __device__ void finish() {
#pragma unroll
    for (int offset = kLanes / 2; offset > 0; offset /= 2) {
      squares += __shfl_xor_sync(0xffffffffu, squares, offset);
    }
    if (inside && threadIdx.x % kLanes == 0) x.squares[row * num_square_parts(x.hidden) + part] = squares;
  }
};

// 1 / sqrt(mean(x^2) + eps) of a row of `hidden` columns.
__device__ inline float row_factor(const float* squares, int row, int hidden, float eps) {
  const int num_parts = num_square_parts(hidden);
  float sum = 0;
  for (int part = 0; part < num_parts; ++part) {
    sum += squares[static_cast<std::int64_t>(row) * num_parts + part];
  }
  return rsqrtf(sum / static_cast<float>(hidden) + eps);
}

}  // namespace rerank::cuda
