// Matrix products of our own, whose results are worked on before they leave the multiprocessor. A row's bits
// come from one order of sums over the inputs, whatever the number of rows and the row's place among them.
#pragma once

#include <cuda.h>
#include <cuda_runtime_api.h>

#include <cstdint>

#include "backend/cuda/kernels.h"

namespace rerank::cuda {

// Rows of bfloat16 as these products read them, x [rows, inputs] or weight [outputs, inputs]; `inputs` is a
// multiple of 8.
CUtensorMap gemm_view(const DeviceBFloat16* data, std::int64_t rows, std::int64_t inputs);

struct FusedGemmArguments {
  CUtensorMap x;       // of at least num_rows rows
  CUtensorMap weight;  // the product is x * weight^T
  std::int32_t num_rows;
  std::int32_t inputs;
  std::int32_t num_processors;  // of the device
};

// What a row's results are multiplied by: 1 / sqrt(mean of its squares + eps).
struct RowScale {
  const float* squares;  // of x, as in Residual
  float eps;
};

// Once for each device, before the first launch.
void prepare_fused_gemms(std::int32_t head_dim);

// out[row, i] = silu(g[row, i]) * g[row, ffn + i], where g [num_rows, 2 * ffn] is the product, rounded to
// bfloat16, times the row's scale.
void launch_gate_up(const FusedGemmArguments& arguments, const RowScale& scale, DeviceBFloat16* out,
                    std::int32_t ffn, cudaStream_t stream);

// Heads of qkv are the product, rounded to bfloat16, times the row's scale, and then as launch_rotary leaves
// them.
void launch_qkv(const FusedGemmArguments& arguments, const RowScale& scale, const QkvArguments& qkv,
                cudaStream_t stream);

// x += the product, rounded to bfloat16; the same bits as the product and then launch_add.
void launch_add_product(const FusedGemmArguments& arguments, const Residual& x, cudaStream_t stream);
// Whether num_rows keep most multiprocessors busy with tiles as large as launch_add_product's.
bool add_product_is_busy(std::int32_t num_rows, std::int32_t outputs, std::int32_t num_processors);

}  // namespace rerank::cuda
