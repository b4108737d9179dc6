// Launchers of the backend's own kernels. Each adds its work to `stream` and returns; rows of a matrix are
// dense unless a stride is named. A row's result depends on that row alone, whatever the number of rows.
#pragma once

#include <cuda_bf16.h>
#include <cuda_runtime_api.h>

#include <bit>
#include <cstdint>

namespace rerank::cuda {

using DeviceBFloat16 = __nv_bfloat16;

// The residual, each number rounded to the first 24 bits of a float32: these rounded to bfloat16, which is
// what products read, and what that took, in units of the last of the 24. With the sums of squares of parts
// of a row, by which products of the row are scaled for RMSNorm.
struct Residual {
  DeviceBFloat16* high;  // [num_rows, hidden]
  std::int8_t* low;      // [num_rows, hidden]
  float* squares;        // [num_rows, num_square_parts(hidden)], of kSquarePart columns each
  std::int32_t hidden;   // a multiple of 8
};
// A number of it, on the host.
inline float residual_value(std::uint16_t high, std::int8_t low) {
  return std::bit_cast<float>((std::uint32_t{high} << 16) + (static_cast<std::uint32_t>(low) << 8));
}
inline constexpr std::int32_t kSquarePart = 256;
__host__ __device__ inline std::int32_t num_square_parts(std::int32_t hidden) {
  return (hidden + kSquarePart - 1) / kSquarePart;
}

// What a product's operands are made of.
enum class NumberType : std::uint8_t { kBFloat16, kE4m3, kInt8 };
// A byte each, with a scale for each row.
__host__ __device__ constexpr bool is_quantized(NumberType type) {
  return type != NumberType::kBFloat16;
}

// out[row] = table[ids[row]] * scale
void launch_embed(const DeviceBFloat16* table, const std::int32_t* ids, float scale, const Residual& out,
                  std::int32_t num_rows, cudaStream_t stream);

// out[i] = x[rows[i]]
void launch_gather(const Residual& x, const std::int32_t* rows, const Residual& out, std::int32_t num_rows,
                   cudaStream_t stream);

// out[i] = the sum of parts[0, i] and so on to parts[num_parts - 1, i], in this order, in float32, rounded to
// bfloat16 once. parts is [num_parts, size]. REQUIRES: size is a multiple of 8.
void launch_sum(const DeviceBFloat16* parts, std::int32_t num_parts, DeviceBFloat16* out, std::int64_t size,
                cudaStream_t stream);

// x += added [num_rows, hidden], or x's squares alone when that is nullptr.
void launch_add(const DeviceBFloat16* added, const Residual& x, std::int32_t num_rows, cudaStream_t stream);

// Where a kernel leaves rows of an activation: as bfloat16, or, where there is a place for that, as e4m3
// numbers that need no scale: weights see to it that they are small enough (activation_bounds.h).
struct ActivationRows {
  DeviceBFloat16* values = nullptr;
  std::uint8_t* e4m3 = nullptr;
};

// Rows of numbers of a byte, times one float32 scale each. Of int8 they are turned beforehand: runs of
// turned_columns(columns) are multiplied by a Hadamard matrix, so that one large number does not take the
// scale for itself. It is orthogonal: rows turned alike have the product that they had.
struct QuantizedRows {
  NumberType type = NumberType::kE4m3;
  std::uint8_t* values = nullptr;  // [num_rows, columns]
  float* scales = nullptr;         // [num_rows]; nullptr: none is needed, see ActivationRows
};
// A power of two that divides the columns of a row, 8 to 64. REQUIRES: columns is a multiple of 8.
__host__ __device__ constexpr std::int32_t turned_columns(std::int32_t columns) {
  const std::int32_t power = columns & -columns;
  return power < 64 ? power : 64;
}

struct NormArguments {
  Residual x;  // [num_rows, hidden]; hidden at most kMaxNormColumns
  // [num_rows, hidden], added to x beforehand, whose squares are then no longer its own; nullptr: nothing.
  const DeviceBFloat16* added;
  QuantizedRows out;
  std::int32_t num_rows;
  float eps;
};
inline constexpr std::int32_t kMaxNormColumns = 8192;

// out = x / sqrt(mean(x^2) + eps), quantized row by row. The norm's weight is part of the next product's.
void launch_norm_quantized(const NormArguments& arguments, cudaStream_t stream);

// x[row, i] *= factors[i], rounded.
void launch_scale_columns(DeviceBFloat16* x, const float* factors, std::int64_t num_rows,
                          std::int32_t columns, cudaStream_t stream);

// out = x, or x[row, i] * factors[i] when there are factors, quantized row by row.
void launch_quantize(const DeviceBFloat16* x, const float* factors, const QuantizedRows& out,
                     std::int32_t num_rows, std::int32_t columns, cudaStream_t stream);

// norms[row] = sqrt(sum of (x[row, i] * factors[i])^2), without factors where there are none.
void launch_row_norms(const DeviceBFloat16* x, const float* factors, float* norms, std::int32_t num_rows,
                      std::int32_t columns, cudaStream_t stream);

struct HeadArguments {
  Residual x;         // [num_rows, hidden]
  const float* norm;  // [hidden]
  const float* no;    // [hidden]; nullptr: the logit is 0
  const float* yes;   // [hidden]
  float* logits;      // [num_rows, 2]
  std::int32_t num_rows;
  float eps;
};

// logits = RMSNorm(x) * [no; yes]^T, all in float32.
void launch_head(const HeadArguments& arguments, cudaStream_t stream);

// How many of `size` numbers of 16 bits differ, added to *count.
void launch_count_differences(const void* a, const void* b, std::int64_t size, std::uint32_t* count,
                              cudaStream_t stream);
// Seeded numbers between -1 and 1.
void launch_fill_random(DeviceBFloat16* out, std::int64_t size, std::uint32_t seed, float scale,
                        cudaStream_t stream);

}  // namespace rerank::cuda
