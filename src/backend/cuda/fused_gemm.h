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

// Once for each device, before the first launch.
void prepare_fused_gemms(std::int32_t head_dim);

// out[row, i] = silu(g[row, i]) * g[row, ffn + i], where g [num_rows, 2 * ffn] is the product, rounded to
// bfloat16.
void launch_gate_up(const FusedGemmArguments& arguments, DeviceBFloat16* out, std::int32_t ffn,
                    cudaStream_t stream);

// Heads of qkv are the product, rounded to bfloat16, and then as launch_rotary leaves them.
void launch_qkv(const FusedGemmArguments& arguments, const QkvArguments& qkv, cudaStream_t stream);

}  // namespace rerank::cuda
