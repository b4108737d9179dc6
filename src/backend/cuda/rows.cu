// Kernels that read a row once and write it once: sums and RMSNorm of the residual, quantisation, the two-row
// head.
#include <cuda_fp8.h>

#include "backend/cuda/device.h"
#include "backend/cuda/kernels.h"
#include "backend/cuda/overlap.cuh"
#include "backend/cuda/residual.cuh"
#include "backend/cuda/vectors.cuh"
#include "rerank/error.h"

namespace rerank::cuda {
namespace {

// Largest number of e4m3.
constexpr float kLargestFp8 = 448.0f;
constexpr int kAddBlock = 256;

// A row of `columns` is shared by Threads threads, each holding up to Vectors vectors of eight in
// registers.
template <int Threads, int Vectors>
struct RowShape {
  static constexpr int kBlock = Threads < 128 ? 128 : Threads;
  static constexpr int kRowsOfBlock = kBlock / Threads;

  __device__ static int row() { return blockIdx.x * kRowsOfBlock + threadIdx.x / Threads; }
  __device__ static int vector(int i) { return i * Threads + threadIdx.x % Threads; }
};

__device__ inline std::uint32_t pack_fp8(float a, float b, float c, float d) {
  const std::uint32_t low = __nv_cvt_float2_to_fp8x2({a, b}, __NV_SATFINITE, __NV_E4M3);
  const std::uint32_t high = __nv_cvt_float2_to_fp8x2({c, d}, __NV_SATFINITE, __NV_E4M3);
  return low | high << 16;
}

// Writes a row held in registers, scaled so that its largest number is e4m3's largest.
template <int Threads, int Vectors>
__device__ inline void write_quantized(const Vector8* held, int num_vectors, int row, QuantizedRows out) {
  float largest = 0;
#pragma unroll
  for (int i = 0; i < Vectors; ++i) {
    if (RowShape<Threads, Vectors>::vector(i) < num_vectors) {
#pragma unroll
      for (int e = 0; e < 8; ++e) largest = fmaxf(largest, fabsf(held[i].values[e]));
    }
  }
  largest = row_max<Threads>(largest);
  const float scale = largest > 0 ? largest / kLargestFp8 : 1.0f;
  const float inverse = 1.0f / scale;
  if (threadIdx.x % Threads == 0) out.scales[row] = scale;
  uint2* to = reinterpret_cast<uint2*>(out.values) + static_cast<std::int64_t>(row) * num_vectors;
#pragma unroll
  for (int i = 0; i < Vectors; ++i) {
    const int vector = RowShape<Threads, Vectors>::vector(i);
    if (vector >= num_vectors) continue;
    const float* v = held[i].values;
    to[vector] = {pack_fp8(v[0] * inverse, v[1] * inverse, v[2] * inverse, v[3] * inverse),
                  pack_fp8(v[4] * inverse, v[5] * inverse, v[6] * inverse, v[7] * inverse)};
  }
}

template <int Threads, int Vectors>
__device__ inline float inverse_rms(const Vector8* held, int num_vectors, float eps) {
  float sum = 0;
#pragma unroll
  for (int i = 0; i < Vectors; ++i) {
    if (RowShape<Threads, Vectors>::vector(i) < num_vectors) {
#pragma unroll
      for (int e = 0; e < 8; ++e) sum += held[i].values[e] * held[i].values[e];
    }
  }
  return rsqrtf(row_sum<Threads>(sum) / static_cast<float>(8 * num_vectors) + eps);
}

template <int Threads, int Vectors>
__device__ inline void load_row(const DeviceBFloat16* x, int num_vectors, int row, Vector8* held) {
  const uint4* from = reinterpret_cast<const uint4*>(x) + static_cast<std::int64_t>(row) * num_vectors;
  uint4 bits[Vectors];
#pragma unroll
  for (int i = 0; i < Vectors; ++i) {
    const int vector = RowShape<Threads, Vectors>::vector(i);
    bits[i] = vector < num_vectors ? from[vector] : uint4{0, 0, 0, 0};
  }
#pragma unroll
  for (int i = 0; i < Vectors; ++i) held[i] = unpack8(bits[i]);
}

template <int Threads, int Vectors>
__device__ inline void load_row(const Residual& x, int row, Residual8* held) {
#pragma unroll
  for (int i = 0; i < Vectors; ++i) {
    const int column = 8 * RowShape<Threads, Vectors>::vector(i);
    held[i] = column < x.hidden ? load_residual(x, static_cast<std::int64_t>(row) * x.hidden + column)
                                : Residual8{};
  }
}

// Eight lanes share a part of a row, as they do among a product's results.
__global__ void __launch_bounds__(kAddBlock)
    add_kernel(const DeviceBFloat16* added, const __grid_constant__ Residual x, int num_rows) {
  let_next_kernel_begin();
  await_kernels_before();
  const int num_parts = num_square_parts(x.hidden);
  const int task = (blockIdx.x * kAddBlock + threadIdx.x) / ResidualPart::kLanes, row = task / num_parts;
  ResidualPart part{x, row, task % num_parts, row < num_rows};
  Residual8 before[ResidualPart::kGroups];
  uint4 more[ResidualPart::kGroups];
#pragma unroll
  for (int group = 0; group < ResidualPart::kGroups; ++group) {
    before[group] = part.load(group);
    more[group] = added != nullptr && part.has(group)
                      ? *reinterpret_cast<const uint4*>(added + part.at(group))
                      : uint4{0, 0, 0, 0};
  }
#pragma unroll
  for (int group = 0; group < ResidualPart::kGroups; ++group)
    part.add(group, before[group], unpack8(more[group]));
  part.finish();
}

template <int Threads, int Vectors>
__global__ void __launch_bounds__(RowShape<Threads, Vectors>::kBlock)
    norm_quantized_kernel(const __grid_constant__ NormArguments a) {
  using Shape = RowShape<Threads, Vectors>;
  let_next_kernel_begin();
  await_kernels_before();
  const int row = Shape::row();
  if (row >= a.num_rows) return;
  const int num_vectors = a.x.hidden / 8;
  Residual8 before[Vectors];
  load_row<Threads, Vectors>(a.x, row, before);
  Vector8 held[Vectors];
  if (a.added != nullptr) {
    load_row<Threads, Vectors>(a.added, num_vectors, row, held);
  }
#pragma unroll
  for (int i = 0; i < Vectors; ++i) {
    Vector8 sum = before[i].sum();
    if (a.added != nullptr) {
#pragma unroll
      for (int e = 0; e < 8; ++e) sum.values[e] += held[i].values[e];
      const Residual8 after = Residual8::of(sum);
      const int column = 8 * Shape::vector(i);
      if (column < a.x.hidden) {
        store_residual(a.x, static_cast<std::int64_t>(row) * a.x.hidden + column, after);
      }
      sum = after.sum();  // what is read where a product has added
    }
    held[i] = sum;
  }
  const float factor = inverse_rms<Threads, Vectors>(held, num_vectors, a.eps);
#pragma unroll
  for (int i = 0; i < Vectors; ++i) held[i] = scaled8(held[i], factor);
  write_quantized<Threads, Vectors>(held, num_vectors, row, a.out);
}

template <int Threads, int Vectors>
__global__ void __launch_bounds__(RowShape<Threads, Vectors>::kBlock)
    quantize_kernel(const DeviceBFloat16* x, const float* factors, QuantizedRows out, int num_rows,
                    int columns) {
  using Shape = RowShape<Threads, Vectors>;
  let_next_kernel_begin();
  await_kernels_before();
  const int row = Shape::row();
  if (row >= num_rows) return;
  Vector8 held[Vectors];
  load_row<Threads, Vectors>(x, columns / 8, row, held);
#pragma unroll
  for (int i = 0; i < Vectors; ++i) {
    const int column = 8 * Shape::vector(i);
    if (factors != nullptr && column < columns) held[i] = times8(held[i], load8(factors + column));
  }
  write_quantized<Threads, Vectors>(held, columns / 8, row, out);
}

__global__ void __launch_bounds__(128) head_kernel(HeadArguments a) {
  constexpr int kVectors = kMaxNormColumns / 8 / 128;
  using Shape = RowShape<128, kVectors>;
  static_assert(Shape::kRowsOfBlock == 1 && Shape::kBlock == 128);
  const int num_vectors = a.x.hidden / 8;
  Residual8 loaded[kVectors];
  load_row<128, kVectors>(a.x, blockIdx.x, loaded);
  Vector8 held[kVectors];
#pragma unroll
  for (int i = 0; i < kVectors; ++i) held[i] = loaded[i].sum();
  const float factor = inverse_rms<128, kVectors>(held, num_vectors, a.eps);
  const float* head[2] = {a.no, a.yes};
#pragma unroll
  for (int which = 0; which < 2; ++which) {
    float sum = 0;
    if (head[which] != nullptr) {
#pragma unroll
      for (int i = 0; i < kVectors; ++i) {
        const int vector = Shape::vector(i);
        if (vector >= num_vectors) continue;
        const Vector8 norm = load8(a.norm + 8 * vector), weight = load8(head[which] + 8 * vector);
#pragma unroll
        for (int e = 0; e < 8; ++e) sum += held[i].values[e] * factor * norm.values[e] * weight.values[e];
      }
    }
    sum = row_sum<128>(sum);
    if (threadIdx.x == 0) a.logits[2 * blockIdx.x + which] = sum;
  }
}

unsigned blocks_of(std::int64_t size, int block) {
  return static_cast<unsigned>((size + block - 1) / block);
}

// Calls launch with the smallest of the row shapes that holds `columns`.
template <typename Launch>
void with_row_shape(std::int32_t columns, const Launch& launch) {
  check(columns % 8 == 0 && columns <= 256 * 8 * 8, "a row that the kernels cannot hold");
  if (columns <= 32 * 4 * 8) {
    launch(RowShape<32, 4>());
  } else if (columns <= 128 * 4 * 8) {
    launch(RowShape<128, 4>());
  } else {
    launch(RowShape<256, 8>());
  }
}

template <int Threads, int Vectors>
void launch_norm_of(RowShape<Threads, Vectors> shape, const NormArguments& a, cudaStream_t stream) {
  launch_overlapping(norm_quantized_kernel<Threads, Vectors>, blocks_of(a.num_rows, shape.kRowsOfBlock),
                     shape.kBlock, 0, stream, a);
}

template <int Threads, int Vectors>
void launch_quantize_of(RowShape<Threads, Vectors> shape, const DeviceBFloat16* x, const float* factors,
                        QuantizedRows out, std::int32_t num_rows, std::int32_t columns, cudaStream_t stream) {
  launch_overlapping(quantize_kernel<Threads, Vectors>, blocks_of(num_rows, shape.kRowsOfBlock), shape.kBlock,
                     0, stream, x, factors, out, num_rows, columns);
}

}  // namespace

void launch_add(const DeviceBFloat16* added, const Residual& x, std::int32_t num_rows, cudaStream_t stream) {
  if (num_rows == 0) return;
  const std::int64_t threads = std::int64_t{ResidualPart::kLanes} * num_rows * num_square_parts(x.hidden);
  launch_overlapping(add_kernel, blocks_of(threads, kAddBlock), kAddBlock, 0, stream, added, x, num_rows);
}

void launch_norm_quantized(const NormArguments& a, cudaStream_t stream) {
  if (a.num_rows == 0) return;
  with_row_shape(a.x.hidden, [&](auto shape) { launch_norm_of(shape, a, stream); });
}

void launch_quantize(const DeviceBFloat16* x, const float* factors, QuantizedRows out, std::int32_t num_rows,
                     std::int32_t columns, cudaStream_t stream) {
  if (num_rows == 0) return;
  with_row_shape(columns,
                 [&](auto shape) { launch_quantize_of(shape, x, factors, out, num_rows, columns, stream); });
}

void launch_head(const HeadArguments& a, cudaStream_t stream) {
  if (a.num_rows == 0) return;
  head_kernel<<<static_cast<unsigned>(a.num_rows), 128, 0, stream>>>(a);
  RERANK_CUDA_CHECK(cudaGetLastError());
}

}  // namespace rerank::cuda
