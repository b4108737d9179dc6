// Additions to the residual, and the head with two rows.
#include "backend/cuda/device.h"
#include "backend/cuda/overlap.cuh"
#include "backend/cuda/rows/kernels.h"
#include "backend/cuda/rows/residual.cuh"
#include "backend/cuda/rows/row.cuh"
#include "backend/cuda/rows/vectors.cuh"

namespace rerank::cuda {
namespace {

constexpr int kAddBlock = 256;

__global__ void __launch_bounds__(kAddBlock)
    sum_kernel(const DeviceBFloat16* parts, int num_parts, DeviceBFloat16* out, std::int64_t size) {
  const std::int64_t at = 8 * (static_cast<std::int64_t>(blockIdx.x) * kAddBlock + threadIdx.x);
  if (at >= size) return;
  Vector8 sum = unpack8(*reinterpret_cast<const uint4*>(parts + at));
  for (int part = 1; part < num_parts; ++part) {
    const Vector8 next = unpack8(*reinterpret_cast<const uint4*>(parts + part * size + at));
#pragma unroll
    for (int e = 0; e < 8; ++e) sum.values[e] += next.values[e];
  }
  *reinterpret_cast<uint4*>(out + at) = pack8(sum);
}

// Eight lanes share a part of a row, as in the epilogue of a product.
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

__global__ void __launch_bounds__(kMaxRowThreads) head_kernel(const __grid_constant__ HeadArguments a) {
  const int row = static_cast<int>(blockIdx.x * blockDim.y + threadIdx.y);
  if (row >= a.num_rows) return;
  Residual8 loaded[kRowVectors];
  load_row(a.x, row, loaded);
  Vector8 held[kRowVectors];
#pragma unroll
  for (int i = 0; i < kRowVectors; ++i) held[i] = loaded[i].sum();
  const float factor = inverse_rms(held, a.x.hidden, a.eps);
  const float* head[2] = {a.no, a.yes};
#pragma unroll
  for (int which = 0; which < 2; ++which) {
    float sum = 0;
    if (head[which] != nullptr) {
#pragma unroll
      for (int i = 0; i < kRowVectors; ++i) {
        const int column = 8 * row_vector(i);
        if (column >= a.x.hidden) continue;
        const Vector8 norm = load8(a.norm + column), weight = load8(head[which] + column);
#pragma unroll
        for (int e = 0; e < 8; ++e) sum += held[i].values[e] * factor * norm.values[e] * weight.values[e];
      }
    }
    sum = row_sum(sum);
    if (threadIdx.x == 0) a.logits[2 * row + which] = sum;
  }
}

}  // namespace

void launch_sum(const DeviceBFloat16* parts, std::int32_t num_parts, DeviceBFloat16* out, std::int64_t size,
                cudaStream_t stream) {
  if (size == 0) return;
  const auto blocks = static_cast<unsigned>((size / 8 + kAddBlock - 1) / kAddBlock);
  sum_kernel<<<blocks, kAddBlock, 0, stream>>>(parts, num_parts, out, size);
  RERANK_CUDA_CHECK(cudaGetLastError());
}

void launch_add(const DeviceBFloat16* added, const Residual& x, std::int32_t num_rows, cudaStream_t stream) {
  if (num_rows == 0) return;
  const std::int64_t threads = std::int64_t{ResidualPart::kLanes} * num_rows * num_square_parts(x.hidden);
  const auto blocks = static_cast<unsigned>((threads + kAddBlock - 1) / kAddBlock);
  launch_overlapping(add_kernel, blocks, kAddBlock, 0, stream, added, x, num_rows);
}

void launch_head(const HeadArguments& a, cudaStream_t stream) {
  if (a.num_rows == 0) return;
  const dim3 block = row_block(a.x.hidden);
  head_kernel<<<row_blocks(a.num_rows, block), block, 0, stream>>>(a);
  RERANK_CUDA_CHECK(cudaGetLastError());
}

}  // namespace rerank::cuda
