// Launchers of kernels that encoders need in addition to products and attention: sums of embeddings, layer
// norms, means over a prompt, and heads of several steps. As in kernels.h, a row's result depends on that row
// only.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "backend/cuda/rows/kernels.h"
#include "backend/transformer.h"

namespace rerank::cuda {

// A norm of rows with at most kMaxNormColumns columns: RMSNorm or layer norm, in float32.
struct RowNorm {
  NormKind kind = NormKind::kLayer;
  const float* weight = nullptr;  // [columns]; nullptr: no norm
  const float* bias = nullptr;    // [columns]; nullptr: none
  float eps = 0;
};

struct EmbedArguments {
  const DeviceBFloat16* table;        // [vocab, hidden]
  const std::int32_t* ids;            // [num_rows]
  float scale;                        // for the table's rows
  const float* position_table;        // [rows, hidden]; nullptr: none
  const std::int32_t* position_rows;  // [num_rows]
  const float* type_table;            // [types, hidden]; nullptr: none
  const std::int32_t* types;          // [num_rows]
  RowNorm norm;
  Residual out;
  std::int32_t num_rows;
};

// out = norm(table[ids] * scale + position_table[position_rows] + type_table[types])
void launch_embed_sum(const EmbedArguments& arguments, cudaStream_t stream);

struct AddNormArguments {
  Residual x;                   // [num_rows, hidden]
  const DeviceBFloat16* added;  // [num_rows, hidden], added to x first; nullptr: nothing
  const float* bias;            // [hidden], added with it; nullptr: none
  RowNorm norm;
  DeviceBFloat16* out;  // [num_rows, hidden], the norm of the sum; nullptr: written to x
  std::int32_t num_rows;
};

// x += added + bias, and its norm is written to `out` or to x. x's squares become invalid.
void launch_add_norm(const AddNormArguments& arguments, cudaStream_t stream);

struct MeanArguments {
  Residual x;                      // [num_tokens, hidden]
  const std::int32_t* first_rows;  // [num_rows], of each scored prompt
  const std::int32_t* num_tokens;  // [num_rows]
  RowNorm norm;                    // of each token
  Residual out;                    // [num_rows, hidden]
  std::int32_t num_rows;
};

// The mean of the norms of a prompt's tokens.
void launch_mean(const MeanArguments& arguments, cudaStream_t stream);

// out [num_rows, hidden] = norm(x), in float32.
void launch_norm_rows(const Residual& x, const RowNorm& norm, float* out, std::int32_t num_rows,
                      cudaStream_t stream);

struct HeadDenseArguments {
  const float* x;       // [num_rows, inputs]
  const float* weight;  // [outputs, inputs]
  const float* bias;    // [outputs]; nullptr: none
  float divisor;
  HeadStep::Activation activation;
  float* out;  // [num_rows, out_stride]
  std::int32_t num_rows;
  std::int32_t inputs;
  std::int32_t outputs;
  std::int32_t out_stride;
};

// out = activation((x * weight^T + bias) / divisor), in float32.
void launch_head_dense(const HeadDenseArguments& arguments, cudaStream_t stream);

// x = norm(x), [num_rows, columns], in float32.
void launch_head_norm(float* x, const RowNorm& norm, std::int32_t num_rows, std::int32_t columns,
                      cudaStream_t stream);

}  // namespace rerank::cuda
