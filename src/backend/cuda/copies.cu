// Kernels that move rows without arithmetic, and two for choosing GEMM algorithms by their bits.
#include "backend/cuda/device.h"
#include "backend/cuda/kernels.h"
#include "backend/cuda/vectors.cuh"

namespace rerank::cuda {
namespace {

constexpr int kBlock = 256;

// out[i] = from[rows[i]], 16 bytes a thread.
__global__ void __launch_bounds__(kBlock) copy_rows_kernel(const uint4* from, const std::int32_t* rows,
                                                           uint4* out, int num_vectors, std::int64_t total) {
  const std::int64_t at = static_cast<std::int64_t>(blockIdx.x) * kBlock + threadIdx.x;
  if (at >= total) return;
  const auto row = static_cast<int>(at / num_vectors), vector = static_cast<int>(at % num_vectors);
  out[at] = from[static_cast<std::int64_t>(rows[row]) * num_vectors + vector];
}

// out[i] = table[ids[i]], widened; eight numbers a thread.
__global__ void __launch_bounds__(kBlock) embed_kernel(const uint4* table, const std::int32_t* ids,
                                                       float4* out, int num_vectors, std::int64_t total) {
  const std::int64_t at = static_cast<std::int64_t>(blockIdx.x) * kBlock + threadIdx.x;
  if (at >= total) return;
  const auto row = static_cast<int>(at / num_vectors), vector = static_cast<int>(at % num_vectors);
  const Vector8 x = unpack8(table[static_cast<std::int64_t>(ids[row]) * num_vectors + vector]);
  out[2 * at] = {x.values[0], x.values[1], x.values[2], x.values[3]};
  out[2 * at + 1] = {x.values[4], x.values[5], x.values[6], x.values[7]};
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

void launch_embed(const DeviceBFloat16* table, const std::int32_t* ids, float* out, std::int32_t num_rows,
                  std::int32_t hidden, cudaStream_t stream) {
  const std::int64_t total = static_cast<std::int64_t>(num_rows) * hidden / 8;
  if (total == 0) return;
  embed_kernel<<<blocks_of(total), kBlock, 0, stream>>>(reinterpret_cast<const uint4*>(table), ids,
                                                        reinterpret_cast<float4*>(out), hidden / 8, total);
  RERANK_CUDA_CHECK(cudaGetLastError());
}

void launch_gather(const float* x, const std::int32_t* rows, float* out, std::int32_t num_rows,
                   std::int32_t hidden, cudaStream_t stream) {
  const std::int64_t total = static_cast<std::int64_t>(num_rows) * hidden / 4;
  if (total == 0) return;
  copy_rows_kernel<<<blocks_of(total), kBlock, 0, stream>>>(reinterpret_cast<const uint4*>(x), rows,
                                                            reinterpret_cast<uint4*>(out), hidden / 4, total);
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
