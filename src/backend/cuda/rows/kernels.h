// Launchers of the row-wise kernels. Each adds its work to `stream` and returns; rows of a matrix are dense
// unless a stride is given. A row's result depends on that row only, not on the number of rows.
#pragma once

#include <cuda_bf16.h>
#include <cuda_runtime_api.h>

#include <bit>
#include <cstdint>

namespace rerank::cuda {

using DeviceBFloat16 = __nv_bfloat16;

// The residual stream, each value rounded to the first 24 bits of a float32: `high` is that rounded to
// bfloat16, which products read, and `low` is the rounding error in units of the last of the 24 bits.
// `squares` are sums of squares of parts of a row, from which products of the row are scaled for RMSNorm.
struct Residual {
  DeviceBFloat16* high;  // [num_rows, hidden]
  std::int8_t* low;      // [num_rows, hidden]
  float* squares;        // [num_rows, num_square_parts(hidden)], of kSquarePart columns each
  std::int32_t hidden;   // a multiple of 8
};
// One value of it, on the host.
inline float residual_value(std::uint16_t high, std::int8_t low) {
  return std::bit_cast<float>((std::uint32_t{high} << 16) + (static_cast<std::uint32_t>(low) << 8));
}
inline constexpr std::int32_t kSquarePart = 256;
__host__ __device__ inline std::int32_t num_square_parts(std::int32_t hidden) {
  return (hidden + kSquarePart - 1) / kSquarePart;
}

// The number type of a product's operands.
enum class NumberType : std::uint8_t { kBFloat16, kE4m3, kInt8 };
// One byte per value, with a scale for each row.
__host__ __device__ constexpr bool is_quantized(NumberType type) {
  return type != NumberType::kBFloat16;
}

// out[row] = table[ids[row]] * scale
void launch_embed(const DeviceBFloat16* table, const std::int32_t* ids, float scale, const Residual& out,
                  std::int32_t num_rows, cudaStream_t stream);

// out[i] = x[rows[i]]
void launch_gather(const Residual& x, const std::int32_t* rows, const Residual& out, std::int32_t num_rows,
                   cudaStream_t stream);

// out[i] = the sum of parts[0, i] to parts[num_parts - 1, i], in this order, in float32, rounded to bfloat16
// once. parts is [num_parts, size]. REQUIRES: size is a multiple of 8.
void launch_sum(const DeviceBFloat16* parts, std::int32_t num_parts, DeviceBFloat16* out, std::int64_t size,
                cudaStream_t stream);

// x += added [num_rows, hidden]; if `added` is nullptr, only recomputes x's squares.
void launch_add(const DeviceBFloat16* added, const Residual& x, std::int32_t num_rows, cudaStream_t stream);

// The destination for rows of an activation: bfloat16 or, if e4m3 is set, e4m3 values without a scale, which
// the weights keep small enough (activation_bounds.h).
struct ActivationRows {
  DeviceBFloat16* values = nullptr;
  std::uint8_t* e4m3 = nullptr;
};

// Rows of one-byte values, times one float32 scale each. int8 rows are rotated first: runs of
// turned_columns(columns) are multiplied by a Hadamard matrix, which spreads outliers so that they do not
// dominate the scale. It is orthogonal: rows rotated alike have the same product.
struct QuantizedRows {
  NumberType type = NumberType::kE4m3;
  std::uint8_t* values = nullptr;  // [num_rows, columns]
  float* scales = nullptr;         // [num_rows]; nullptr: none is needed, see ActivationRows
};
// As in backend/quantization.h: a power of two from 8 to 64 that divides the columns of a row. REQUIRES:
// columns is a multiple of 8.
__host__ __device__ constexpr std::int32_t turned_columns(std::int32_t columns) {
  const std::int32_t power = columns & -columns;
  return power < 64 ? power : 64;
}

struct NormArguments {
  Residual x;  // [num_rows, hidden]; hidden is at most kMaxNormColumns
  // [num_rows, hidden], added to x first, which makes x's squares invalid; nullptr: nothing is added.
  const DeviceBFloat16* added;
  QuantizedRows out;
  std::int32_t num_rows;
  float eps;
};
inline constexpr std::int32_t kMaxNormColumns = 8192;

// out = x / sqrt(mean(x^2) + eps), quantized row by row. The norm's weight is part of the next product's
// weight.
void launch_norm_quantized(const NormArguments& arguments, cudaStream_t stream);

// x[row, i] *= factors[i], rounded.
void launch_scale_columns(DeviceBFloat16* x, const float* factors, std::int64_t num_rows,
                          std::int32_t columns, cudaStream_t stream);

// out = x, or x[row, i] * factors[i] if there are factors, quantized row by row.
void launch_quantize(const DeviceBFloat16* x, const float* factors, const QuantizedRows& out,
                     std::int32_t num_rows, std::int32_t columns, cudaStream_t stream);

// norms[row] = sqrt(sum of (x[row, i] * factors[i])^2); without factors if they are nullptr.
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

// Adds to *count how many of `size` 16-bit values differ.
void launch_count_differences(const void* a, const void* b, std::int64_t size, std::uint32_t* count,
                              cudaStream_t stream);
// Seeded random values between -1 and 1.
void launch_fill_random(DeviceBFloat16* out, std::int64_t size, std::uint32_t seed, float scale,
                        cudaStream_t stream);

}  // namespace rerank::cuda
