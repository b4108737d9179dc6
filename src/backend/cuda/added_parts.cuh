// What several ranks add to the residual, added up where it is read. For kernels only.
#pragma once

#include <cstdint>

#include "backend/cuda/kernels.h"
#include "backend/cuda/vectors.cuh"

namespace rerank::cuda {

// Eight numbers of the first part each, from places `at`, become those of the sum; a place below 0 has none.
// In float32, in the order of the parts, rounded once.
template <int kCount>
__device__ inline void add_other_parts(const AddedParts& parts, const std::int64_t (&at)[kCount],
                                       uint4 (&bits)[kCount]) {
  Vector8 sums[kCount];
#pragma unroll
  for (int i = 0; i < kCount; ++i) sums[i] = unpack8(bits[i]);
  for (int part = 1; part < parts.count; ++part) {
    const DeviceBFloat16* from = parts.first + part * parts.stride;
    uint4 more[kCount];
#pragma unroll
    for (int i = 0; i < kCount; ++i) {
      more[i] = at[i] < 0 ? uint4{0, 0, 0, 0} : *reinterpret_cast<const uint4*>(from + at[i]);
    }
#pragma unroll
    for (int i = 0; i < kCount; ++i) {
      const Vector8 next = unpack8(more[i]);
#pragma unroll
      for (int e = 0; e < 8; ++e) sums[i].values[e] += next.values[e];
    }
  }
#pragma unroll
  for (int i = 0; i < kCount; ++i) bits[i] = pack8(sums[i]);
}

}  // namespace rerank::cuda
