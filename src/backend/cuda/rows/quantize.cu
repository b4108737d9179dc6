// Quantizes rows to one byte per value: of an activation, of a weight, or of the residual after RMSNorm.
#include "backend/cuda/overlap.cuh"
#include "backend/cuda/rows/kernels.h"
#include "backend/cuda/rows/row.cuh"

namespace rerank::cuda {
namespace {

template <NumberType Type>
constexpr float kLargest = Type == NumberType::kInt8 ? 127.0f : 448.0f;

// Packs values of at most kLargest.
template <NumberType Type>
__device__ inline uint2 pack8_bytes(const Vector8& v) {
  if constexpr (Type == NumberType::kE4m3) return pack8_e4m3(v);
  // The last byte of the sum is the value rounded to nearest: 1.5 * 2^23 leaves no room for a fraction.
  const auto rounded = [&](int i) { return __float_as_uint(v.values[i] + 12582912.0f); };
  const auto four = [&](int i) {
    return __byte_perm(__byte_perm(rounded(i), rounded(i + 1), 0x40),
                       __byte_perm(rounded(i + 2), rounded(i + 3), 0x40), 0x5410);
  };
  return {four(0), four(4)};
}

// Replaces v[e] and v[e + distance] by their sum and their difference.
__device__ inline void add_pairs(float (&v)[8], int distance) {
#pragma unroll
  for (int e = 0; e < 8; ++e) {
    if ((e & distance) != 0) continue;
    const float a = v[e], b = v[e + distance];
    v[e] = a + b;
    v[e + distance] = a - b;
  }
}

// Rotates runs of `columns` values that neighbouring lanes hold, eight each: multiplies each run by a
// Hadamard matrix of that size with entries 1 and -1, whose rows have an order and signs of their own. Called
// by whole warps.
__device__ inline void turn8(float (&v)[8], int columns) {
#pragma unroll
  for (int distance = 1; distance < 8; distance *= 2) add_pairs(v, distance);
#pragma unroll
  for (int distance = 1; distance < 8; distance *= 2) {
    if (8 * distance >= columns) break;
    // Lanes exchange half of their values, so that both values of a pair are in one lane.
    const bool is_upper = (threadIdx.x & distance) != 0;
#pragma unroll
    for (int e = 0; e < 8; ++e) {
      if ((e & distance) != 0) continue;
      const float sent = is_upper ? v[e] : v[e + distance];
      v[e] = is_upper ? v[e + distance] : v[e];
      v[e + distance] = __shfl_xor_sync(0xffffffffu, sent, distance);
    }
    add_pairs(v, distance);
  }
}

// Writes a row held in registers, padded with zeros, scaled so that its largest value is the type's largest.
// A value that is not finite makes the scale not finite.
template <NumberType Type>
__device__ inline void write_quantized(Vector8 (&held)[kRowVectors], int num_vectors, int row,
                                       const QuantizedRows& out) {
  float growth = 1;
  if constexpr (Type == NumberType::kInt8) {
    const int columns = turned_columns(8 * num_vectors);
    growth = sqrtf(static_cast<float>(columns));
#pragma unroll
    for (int i = 0; i < kRowVectors; ++i) {
      const bool any =
          row_vector(i) - static_cast<int>(threadIdx.x) % 32 < num_vectors;  // the same for the whole warp
      if (any) turn8(held[i].values, columns);
    }
  }
  float largest = 0;
#pragma unroll
  for (int i = 0; i < kRowVectors; ++i) {
#pragma unroll
    for (const float x : held[i].values) largest = largest_or_nan(largest, fabsf(x));
  }
  largest = row_max(largest);
  const float scale = largest < 1e-30f ? 1.0f : largest / kLargest<Type>;  // has a finite inverse
  const float inverse = 1.0f / scale;
  if (threadIdx.x == 0) out.scales[row] = scale / growth;
  uint2* to = reinterpret_cast<uint2*>(out.values) + static_cast<std::int64_t>(row) * num_vectors;
#pragma unroll
  for (int i = 0; i < kRowVectors; ++i) {
    if (row_vector(i) >= num_vectors) continue;
    to[row_vector(i)] = pack8_bytes<Type>(scaled8(held[i], inverse));
  }
}

template <NumberType Type>
__global__ void __launch_bounds__(kMaxRowThreads)
    quantize_kernel(const DeviceBFloat16* x, const float* factors, const __grid_constant__ QuantizedRows out,
                    int num_rows, int columns) {
  let_next_kernel_begin();
  await_kernels_before();
  // Starts at the last row: what was written last is still in the cache.
  const int row = num_rows - 1 - static_cast<int>(blockIdx.x * blockDim.y + threadIdx.y);
  const int num_vectors = columns / 8;
  if (row < 0) return;
  Vector8 held[kRowVectors];
  load_row(x, factors, num_vectors, row, held);
  write_quantized<Type>(held, num_vectors, row, out);
}

__global__ void __launch_bounds__(kMaxRowThreads)
    row_norm_kernel(const DeviceBFloat16* x, const float* factors, float* norms, int num_rows, int columns) {
  const int row = static_cast<int>(blockIdx.x * blockDim.y + threadIdx.y), num_vectors = columns / 8;
  if (row >= num_rows) return;
  Vector8 held[kRowVectors];
  load_row(x, factors, num_vectors, row, held);
  const float norm = sqrtf(row_sum(square_sum(held)));
  if (threadIdx.x == 0) norms[row] = norm;
}

template <NumberType Type>
__global__ void __launch_bounds__(kMaxRowThreads)
    norm_quantized_kernel(const __grid_constant__ NormArguments a) {
  let_next_kernel_begin();
  await_kernels_before();
  const int row = static_cast<int>(blockIdx.x * blockDim.y + threadIdx.y), num_vectors = a.x.hidden / 8;
  if (row >= a.num_rows) return;
  Residual8 before[kRowVectors];
  load_row(a.x, row, before);
  Vector8 held[kRowVectors];
  if (a.added != nullptr) load_row(a.added, nullptr, num_vectors, row, held);
#pragma unroll
  for (int i = 0; i < kRowVectors; ++i) {
    Vector8 sum = before[i].sum();
    if (a.added != nullptr) {
#pragma unroll
      for (int e = 0; e < 8; ++e) sum.values[e] += held[i].values[e];
      const Residual8 after = Residual8::of(sum);
      const int column = 8 * row_vector(i);
      if (column < a.x.hidden) {
        store_residual(a.x, static_cast<std::int64_t>(row) * a.x.hidden + column, after);
      }
      sum = after.sum();  // as it is read after a product has been added
    }
    held[i] = sum;
  }
  const float factor = inverse_rms(held, a.x.hidden, a.eps);
#pragma unroll
  for (int i = 0; i < kRowVectors; ++i) held[i] = scaled8(held[i], factor);
  write_quantized<Type>(held, num_vectors, row, a.out);
}

}  // namespace

void launch_quantize(const DeviceBFloat16* x, const float* factors, const QuantizedRows& out,
                     std::int32_t num_rows, std::int32_t columns, cudaStream_t stream) {
  if (num_rows == 0) return;
  const auto kernel =
      out.type == NumberType::kInt8 ? quantize_kernel<NumberType::kInt8> : quantize_kernel<NumberType::kE4m3>;
  const dim3 block = row_block(columns);
  launch_overlapping(kernel, row_blocks(num_rows, block), block, 0, stream, x, factors, out, num_rows,
                     columns);
}

void launch_row_norms(const DeviceBFloat16* x, const float* factors, float* norms, std::int32_t num_rows,
                      std::int32_t columns, cudaStream_t stream) {
  if (num_rows == 0) return;
  const dim3 block = row_block(columns);
  row_norm_kernel<<<row_blocks(num_rows, block), block, 0, stream>>>(x, factors, norms, num_rows, columns);
  RERANK_CUDA_CHECK(cudaGetLastError());
}

void launch_norm_quantized(const NormArguments& a, cudaStream_t stream) {
  if (a.num_rows == 0) return;
  const auto kernel = a.out.type == NumberType::kInt8 ? norm_quantized_kernel<NumberType::kInt8>
                                                      : norm_quantized_kernel<NumberType::kE4m3>;
  const dim3 block = row_block(a.x.hidden);
  launch_overlapping(kernel, row_blocks(a.num_rows, block), block, 0, stream, a);
}

}  // namespace rerank::cuda
