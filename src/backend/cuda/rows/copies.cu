// Kernels that copy rows, scale weights once, and two for choosing GEMM algorithms by their bits.
#include "backend/cuda/device.h"
#include "backend/cuda/rows/kernels.h"
#include "backend/cuda/rows/residual.cuh"
#include "backend/cuda/rows/vectors.cuh"

namespace rerank::cuda {
namespace {

constexpr int kBlock = 256;

// out[i] = from[rows[i]]; eight lanes share a part of a row.
__global__ void __launch_bounds__(kBlock)
    copy_rows_kernel(const __grid_constant__ Residual from, const std::int32_t* rows,
                     const __grid_constant__ Residual out, int num_rows) {
  const int num_parts = num_square_parts(out.hidden);
  const int task = (blockIdx.x * kBlock + threadIdx.x) / ResidualPart::kLanes, row = task / num_parts,
            part = task % num_parts;
  if (row >= num_rows) return;
  const ResidualPart source{from, rows[row], part, true}, target{out, row, part, true};
#pragma unroll
  for (int group = 0; group < ResidualPart::kGroups; ++group) {
    if (target.has(group)) store_residual(out, target.at(group), source.load(group));
  }
  if (threadIdx.x % ResidualPart::kLanes == 0)
    out.squares[row * num_parts + part] = from.squares[rows[row] * num_parts + part];
}

// out[i] = table[ids[i]] * scale; eight lanes share a part of a row.
__global__ void __launch_bounds__(kBlock)
    embed_kernel(const DeviceBFloat16* table, const std::int32_t* ids, float scale,
                 const __grid_constant__ Residual out, int num_rows) {
  const int num_parts = num_square_parts(out.hidden);
  const int task = (blockIdx.x * kBlock + threadIdx.x) / ResidualPart::kLanes, row = task / num_parts;
  ResidualPart part{out, row, task % num_parts, row < num_rows};
  const DeviceBFloat16* from = table + static_cast<std::int64_t>(part.inside ? ids[row] : 0) * out.hidden;
  uint4 bits[ResidualPart::kGroups];
#pragma unroll
  for (int group = 0; group < ResidualPart::kGroups; ++group) {
    bits[group] =
        part.has(group) ? *reinterpret_cast<const uint4*>(from + part.column(group)) : uint4{0, 0, 0, 0};
  }
#pragma unroll
  for (int group = 0; group < ResidualPart::kGroups; ++group) {
    const Vector8 values = scaled8(unpack8(bits[group]), scale);
    part.take_squares(values);
    if (part.has(group)) store_residual(out, part.at(group), Residual8::of(values));
  }
  part.finish();
}

__global__ void __launch_bounds__(kBlock)
    scale_columns_kernel(uint4* x, const float* factors, int num_vectors, std::int64_t total) {
  const std::int64_t at = static_cast<std::int64_t>(blockIdx.x) * kBlock + threadIdx.x;
  if (at >= total) return;
  x[at] = pack8(times8(unpack8(x[at]), load8(factors + at % num_vectors * 8)));
}

__global__ void __launch_bounds__(kBlock)
    count_differences_kernel(const std::uint16_t* a, const std::uint16_t* b, std::int64_t size,
                             std::uint32_t* count) {
  const std::int64_t at = static_cast<std::int64_t>(blockIdx.x) * kBlock + threadIdx.x;
  if (at < size && a[at] != b[at]) atomicAdd(count, 1u);
}

// splitmix64 of the index.
__global__ void __launch_bounds__(kBlock)
    fill_random_kernel(DeviceBFloat16* out, std::int64_t size, std::uint32_t seed, float scale) {
  const std::int64_t at = static_cast<std::int64_t>(blockIdx.x) * kBlock + threadIdx.x;
  if (at >= size) return;
  std::uint64_t z =
      (static_cast<std::uint64_t>(seed) << 40) + static_cast<std::uint64_t>(at) * 0x9E3779B97F4A7C15u;
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
  z = (z ^ z >> 27) * 0x94D049BB133111EBu;
  z ^= z >> 31;
  out[at] = __float2bfloat16(scale * (static_cast<float>(z >> 40) * 0x1p-23f - 1.0f));
}

unsigned blocks_of(std::int64_t size) {
  return static_cast<unsigned>((size + kBlock - 1) / kBlock);
}

}  // namespace

void launch_embed(const DeviceBFloat16* table, const std::int32_t* ids, float scale, const Residual& out,
                  std::int32_t num_rows, cudaStream_t stream) {
  if (num_rows == 0) return;
  embed_kernel<<<blocks_of(std::int64_t{ResidualPart::kLanes} * num_rows * num_square_parts(out.hidden)),
                 kBlock, 0, stream>>>(table, ids, scale, out, num_rows);
  RERANK_CUDA_CHECK(cudaGetLastError());
}

void launch_gather(const Residual& x, const std::int32_t* rows, const Residual& out, std::int32_t num_rows,
                   cudaStream_t stream) {
  if (num_rows == 0) return;
  copy_rows_kernel<<<blocks_of(std::int64_t{ResidualPart::kLanes} * num_rows * num_square_parts(out.hidden)),
                     kBlock, 0, stream>>>(x, rows, out, num_rows);
  RERANK_CUDA_CHECK(cudaGetLastError());
}

void launch_scale_columns(DeviceBFloat16* x, const float* factors, std::int64_t num_rows,
                          std::int32_t columns, cudaStream_t stream) {
  const std::int64_t total = num_rows * columns / 8;
  if (total == 0) return;
  scale_columns_kernel<<<blocks_of(total), kBlock, 0, stream>>>(reinterpret_cast<uint4*>(x), factors,
                                                                columns / 8, total);
  RERANK_CUDA_CHECK(cudaGetLastError());
}

void launch_count_differences(const void* a, const void* b, std::int64_t size, std::uint32_t* count,
                              cudaStream_t stream) {
  count_differences_kernel<<<blocks_of(size), kBlock, 0, stream>>>(
      static_cast<const std::uint16_t*>(a), static_cast<const std::uint16_t*>(b), size, count);
  RERANK_CUDA_CHECK(cudaGetLastError());
}

void launch_fill_random(DeviceBFloat16* out, std::int64_t size, std::uint32_t seed, float scale,
                        cudaStream_t stream) {
  fill_random_kernel<<<blocks_of(size), kBlock, 0, stream>>>(out, size, seed, scale);
  RERANK_CUDA_CHECK(cudaGetLastError());
}

}  // namespace rerank::cuda
