// Rows held in the registers of one block: sums of embeddings, norms, means, heads. See layer_norm.h.
#include "backend/cuda/device.h"
#include "backend/cuda/overlap.cuh"
#include "backend/cuda/rows/layer_norm.h"
#include "backend/cuda/rows/row.cuh"

namespace rerank::cuda {
namespace {

constexpr int kHeadWarps = 8;  // of a block, an output each
constexpr int kHeadRows = 8;   // of a block

// Padding past the row's end stays zero; otherwise subtracting a layer norm's mean would make it count.
__device__ inline void normalize(const RowNorm& norm, int columns, Vector8 (&held)[kRowVectors]) {
  if (norm.weight == nullptr) return;
  if (norm.kind == NormKind::kLayer) {
    float sum = 0;
#pragma unroll
    for (int i = 0; i < kRowVectors; ++i) {
#pragma unroll
      for (const float x : held[i].values) sum += x;
    }
    const float mean = row_sum(sum) / static_cast<float>(columns);
#pragma unroll
    for (int i = 0; i < kRowVectors; ++i) {
      if (8 * row_vector(i) >= columns) continue;
#pragma unroll
      for (float& x : held[i].values) x -= mean;
    }
  }
  const float factor = inverse_rms(held, columns, norm.eps);
#pragma unroll
  for (int i = 0; i < kRowVectors; ++i) {
    const int column = 8 * row_vector(i);
    if (column >= columns) continue;
    held[i] = times8(scaled8(held[i], factor), load8(norm.weight + column));
    if (norm.bias != nullptr) held[i] = plus8(held[i], load8(norm.bias + column));
  }
}

__device__ inline int block_row() {
  return static_cast<int>(blockIdx.x * blockDim.y + threadIdx.y);
}

__device__ inline void load_sums(const Residual& x, int row, Vector8 (&held)[kRowVectors]) {
  Residual8 loaded[kRowVectors];
  load_row(x, row, loaded);
#pragma unroll
  for (int i = 0; i < kRowVectors; ++i) held[i] = loaded[i].sum();
}

__device__ inline void store_row(const Residual& x, int row, const Vector8 (&held)[kRowVectors]) {
#pragma unroll
  for (int i = 0; i < kRowVectors; ++i) {
    const int column = 8 * row_vector(i);
    if (column < x.hidden)
      store_residual(x, static_cast<std::int64_t>(row) * x.hidden + column, Residual8::of(held[i]));
  }
}

__global__ void __launch_bounds__(kMaxRowThreads) embed_sum_kernel(const __grid_constant__ EmbedArguments a) {
  const int row = block_row(), hidden = a.out.hidden;
  if (row >= a.num_rows) return;  // a whole row: each is in one warp
  Vector8 held[kRowVectors];
  load_row(a.table, nullptr, hidden / 8, a.ids[row], held);
#pragma unroll
  for (int i = 0; i < kRowVectors; ++i) {
    const int column = 8 * row_vector(i);
    if (column >= hidden) continue;
    held[i] = scaled8(held[i], a.scale);
    const auto add = [&](const float* table, const std::int32_t* rows) {
      if (table == nullptr) return;
      held[i] = plus8(held[i], load8(table + static_cast<std::int64_t>(rows[row]) * hidden + column));
    };
    add(a.type_table, a.types);
    add(a.position_table, a.position_rows);
  }
  normalize(a.norm, hidden, held);
  store_row(a.out, row, held);
}

__global__ void __launch_bounds__(kMaxRowThreads)
    add_norm_kernel(const __grid_constant__ AddNormArguments a) {
  let_next_kernel_begin();
  await_kernels_before();
  const int row = block_row(), hidden = a.x.hidden;
  if (row >= a.num_rows) return;
  Residual8 before[kRowVectors];
  load_row(a.x, row, before);
  Vector8 held[kRowVectors];
  if (a.added != nullptr) load_row(a.added, nullptr, hidden / 8, row, held);
#pragma unroll
  for (int i = 0; i < kRowVectors; ++i) {
    const int column = 8 * row_vector(i);
    if (a.added == nullptr) {
      held[i] = before[i].sum();
      continue;
    }
    if (a.bias != nullptr && column < hidden) held[i] = plus8(held[i], load8(a.bias + column));
    held[i] = plus8(before[i].sum(), held[i]);
  }
  if (a.out != nullptr && a.added != nullptr) store_row(a.x, row, held);
  normalize(a.norm, hidden, held);
  if (a.out == nullptr) return store_row(a.x, row, held);
#pragma unroll
  for (int i = 0; i < kRowVectors; ++i) {
    const int column = 8 * row_vector(i);
    if (column < hidden) {
      *reinterpret_cast<uint4*>(a.out + static_cast<std::int64_t>(row) * hidden + column) = pack8(held[i]);
    }
  }
}

__global__ void __launch_bounds__(kMaxRowThreads) mean_kernel(const __grid_constant__ MeanArguments a) {
  const int index = block_row(), hidden = a.x.hidden;
  if (index >= a.num_rows) return;
  const int count = a.num_tokens[index];
  Vector8 sums[kRowVectors] = {};
  for (int token = 0; token < count; ++token) {
    Vector8 held[kRowVectors];
    load_sums(a.x, a.first_rows[index] + token, held);
    normalize(a.norm, hidden, held);
#pragma unroll
    for (int i = 0; i < kRowVectors; ++i) sums[i] = plus8(sums[i], held[i]);
  }
#pragma unroll
  for (int i = 0; i < kRowVectors; ++i) {
#pragma unroll
    for (float& sum : sums[i].values) sum /= static_cast<float>(count);
  }
  store_row(a.out, index, sums);
}

__device__ inline void store_floats(float* row, int columns, const Vector8 (&held)[kRowVectors]) {
#pragma unroll
  for (int i = 0; i < kRowVectors; ++i) {
    const int column = 8 * row_vector(i);
    if (column >= columns) continue;
#pragma unroll
    for (int e = 0; e < 8; ++e) row[column + e] = held[i].values[e];
  }
}

__global__ void __launch_bounds__(kMaxRowThreads)
    norm_rows_kernel(const __grid_constant__ Residual x, const __grid_constant__ RowNorm norm, float* out,
                     int num_rows) {
  const int row = block_row();
  if (row >= num_rows) return;
  Vector8 held[kRowVectors];
  load_sums(x, row, held);
  normalize(norm, x.hidden, held);
  store_floats(out + static_cast<std::int64_t>(row) * x.hidden, x.hidden, held);
}

__device__ inline float activated(HeadStep::Activation activation, float x) {
  if (activation == HeadStep::Activation::kTanh) return tanhf(x);
  if (activation == HeadStep::Activation::kGelu) return gelu(x);
  return x;
}

// A warp computes one output for kHeadRows rows, so that the weight's row is read once for all of them.
__global__ void __launch_bounds__(32 * kHeadWarps)
    head_dense_kernel(const __grid_constant__ HeadDenseArguments a) {
  const int output = blockIdx.x * kHeadWarps + threadIdx.x / 32, lane = threadIdx.x % 32;
  const int first_row = blockIdx.y * kHeadRows;
  if (output >= a.outputs) return;
  const float* weight = a.weight + static_cast<std::int64_t>(output) * a.inputs;
  float sums[kHeadRows] = {};
  for (int i = lane; i < a.inputs; i += 32) {
    const float w = weight[i];
#pragma unroll
    for (int r = 0; r < kHeadRows; ++r) {
      const int row = min(first_row + r, a.num_rows - 1);
      sums[r] = fmaf(a.x[static_cast<std::int64_t>(row) * a.inputs + i], w, sums[r]);
    }
  }
#pragma unroll
  for (int offset = 16; offset > 0; offset /= 2) {
#pragma unroll
    for (float& sum : sums) sum += __shfl_xor_sync(0xffffffffu, sum, offset);
  }
  if (lane != 0) return;
  for (int r = 0; r < kHeadRows && first_row + r < a.num_rows; ++r) {
    const float sum = sums[r] + (a.bias != nullptr ? a.bias[output] : 0.0f);
    a.out[static_cast<std::int64_t>(first_row + r) * a.out_stride + output] =
        activated(a.activation, sum / a.divisor);
  }
}

__global__ void __launch_bounds__(kMaxRowThreads)
    head_norm_kernel(float* x, const __grid_constant__ RowNorm norm, int num_rows, int columns) {
  const int row = block_row();
  if (row >= num_rows) return;
  float* at = x + static_cast<std::int64_t>(row) * columns;
  Vector8 held[kRowVectors];
#pragma unroll
  for (int i = 0; i < kRowVectors; ++i) {
    const int column = 8 * row_vector(i);
    held[i] = column < columns ? load8(at + column) : Vector8{};
  }
  normalize(norm, columns, held);
  store_floats(at, columns, held);
}

}  // namespace

void launch_embed_sum(const EmbedArguments& a, cudaStream_t stream) {
  if (a.num_rows == 0) return;
  const dim3 block = row_block(a.out.hidden);
  embed_sum_kernel<<<row_blocks(a.num_rows, block), block, 0, stream>>>(a);
  RERANK_CUDA_CHECK(cudaGetLastError());
}

void launch_add_norm(const AddNormArguments& a, cudaStream_t stream) {
  if (a.num_rows == 0) return;
  const dim3 block = row_block(a.x.hidden);
  launch_overlapping(add_norm_kernel, row_blocks(a.num_rows, block), block, 0, stream, a);
}

void launch_mean(const MeanArguments& a, cudaStream_t stream) {
  if (a.num_rows == 0) return;
  const dim3 block = row_block(a.x.hidden);
  mean_kernel<<<row_blocks(a.num_rows, block), block, 0, stream>>>(a);
  RERANK_CUDA_CHECK(cudaGetLastError());
}

void launch_norm_rows(const Residual& x, const RowNorm& norm, float* out, std::int32_t num_rows,
                      cudaStream_t stream) {
  if (num_rows == 0) return;
  const dim3 block = row_block(x.hidden);
  norm_rows_kernel<<<row_blocks(num_rows, block), block, 0, stream>>>(x, norm, out, num_rows);
  RERANK_CUDA_CHECK(cudaGetLastError());
}

void launch_head_dense(const HeadDenseArguments& a, cudaStream_t stream) {
  if (a.num_rows == 0) return;
  const auto blocks = [](std::int32_t count, int each) {
    return static_cast<unsigned>((count + each - 1) / each);
  };
  const dim3 grid{blocks(a.outputs, kHeadWarps), blocks(a.num_rows, kHeadRows)};
  head_dense_kernel<<<grid, 32 * kHeadWarps, 0, stream>>>(a);
  RERANK_CUDA_CHECK(cudaGetLastError());
}

void launch_head_norm(float* x, const RowNorm& norm, std::int32_t num_rows, std::int32_t columns,
                      cudaStream_t stream) {
  if (num_rows == 0) return;
  const dim3 block = row_block(columns);
  head_norm_kernel<<<row_blocks(num_rows, block), block, 0, stream>>>(x, norm, num_rows, columns);
  RERANK_CUDA_CHECK(cudaGetLastError());
}

}  // namespace rerank::cuda
