// Rows of the residual, each divided among eight lanes, with sums of squares in the same order in every
// kernel. For kernels only.
#pragma once

#include <cstdint>

#include "backend/cuda/rows/kernels.h"
#include "backend/cuda/rows/vectors.cuh"

namespace rerank::cuda {

// Byte `Index` of `bytes`, sign-extended and shifted left by 8 bits.
template <int Index>
__device__ inline std::uint32_t signed_byte(std::uint32_t bytes) {
  std::uint32_t bits;
  asm("prmt.b32 %0, %1, 0, %2;" : "=r"(bits) : "r"(bytes), "n"(0x8804 + 0x1110 * Index));
  return bits;
}

// Eight values of a row.
struct Residual8 {
  uint4 high;
  uint2 low;

  __device__ Vector8 sum() const {
    const Vector8 x = unpack8(high);
    const std::uint32_t rest[8] = {signed_byte<0>(low.x), signed_byte<1>(low.x), signed_byte<2>(low.x),
                                   signed_byte<3>(low.x), signed_byte<0>(low.y), signed_byte<1>(low.y),
                                   signed_byte<2>(low.y), signed_byte<3>(low.y)};
    Vector8 sums;
#pragma unroll
    for (int e = 0; e < 8; ++e) sums.values[e] = __uint_as_float(__float_as_uint(x.values[e]) + rest[e]);
    return sums;
  }
  // `x` results from arithmetic, so a NaN has the largest integer as its bits.
  __device__ static Residual8 of(const Vector8& x) {
    std::uint32_t bits[8], high[8];
#pragma unroll
    for (int e = 0; e < 8; ++e) {
      bits[e] = static_cast<std::uint32_t>(min(__float_as_int(x.values[e]), 0x7fff0000)) + 0x80;
      high[e] = bits[e] + 0x8000;
    }
    const auto upper = [&](int e) { return __byte_perm(high[e], high[e + 1], 0x7632); };
    const auto lower = [&](int e) {
      return __byte_perm(__byte_perm(bits[e], bits[e + 1], 0x51), __byte_perm(bits[e + 2], bits[e + 3], 0x51),
                         0x5410);
    };
    return {{upper(0), upper(2), upper(4), upper(6)}, {lower(0), lower(4)}};
  }
};

__device__ inline Residual8 load_residual(const Residual& x, std::int64_t at) {
  return {*reinterpret_cast<const uint4*>(x.high + at), *reinterpret_cast<const uint2*>(x.low + at)};
}
__device__ inline void store_residual(const Residual& x, std::int64_t at, const Residual8& values) {
  *reinterpret_cast<uint4*>(x.high + at) = values.high;
  *reinterpret_cast<uint2*>(x.low + at) = values.low;
}

// A lane's share of kSquarePart columns of a row: 8 consecutive columns in each group of 64.
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
  // Adds the squares of the groups in order.
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
  // Called by whole warps, after all groups.
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
