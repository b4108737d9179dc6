// Queries and keys on their way into attention: RMSNorm of each head and rotary embedding, as Hugging Face's
// Qwen3Attention does them, and copies of kept keys and values to their slots.
#include "backend/cuda/device.h"
#include "backend/cuda/kernels.h"
#include "backend/cuda/vectors.cuh"
#include "rerank/error.h"

namespace rerank::cuda {
namespace {

constexpr int kBlock = 256;

// Query and key heads of those asked for.
__host__ __device__ inline int num_turned(const QkvArguments& a) {
  const int end = a.num_heads + a.num_kv_heads;
  return (a.end_head < end ? a.end_head : end) - a.first_head;
}

// head_dim / 8 threads share a head; each holds four numbers of its first half and the four they turn with.
template <int HeadDim>
__global__ void __launch_bounds__(kBlock)
    rotary_kernel(const __grid_constant__ QkvArguments a, int num_rows) {
  constexpr int kThreads = HeadDim / 8, kHalf = HeadDim / 2;
  const int task = (blockIdx.x * kBlock + threadIdx.x) / kThreads;  // a head of a row
  const int num_heads = num_turned(a);
  const bool inside = task < num_rows * num_heads;
  const int row = inside ? task / num_heads : 0, head = a.first_head + (inside ? task % num_heads : 0);
  const int column = threadIdx.x % kThreads * 4;
  DeviceBFloat16* x =
      a.qkv + static_cast<std::int64_t>(row) * (a.num_heads + 2 * a.num_kv_heads) * HeadDim + head * HeadDim;
  const uint2 low = *reinterpret_cast<const uint2*>(x + column);
  const uint2 high = *reinterpret_cast<const uint2*>(x + kHalf + column);
  const float4 frequencies = *reinterpret_cast<const float4*>(a.frequencies + column);
  const bool is_key = head >= a.num_heads;
  const float* norm = is_key ? a.key_norm : a.query_norm;
  const float4 low_norm = *reinterpret_cast<const float4*>(norm + column);
  const float4 high_norm = *reinterpret_cast<const float4*>(norm + kHalf + column);
  const float values[8] = {low_half(low.x),  high_half(low.x),  low_half(low.y),  high_half(low.y),
                           low_half(high.x), high_half(high.x), low_half(high.y), high_half(high.y)};
  float sum = 0;
#pragma unroll
  for (int e = 0; e < 8; ++e) sum += values[e] * values[e];
#pragma unroll
  for (int offset = kThreads / 2; offset > 0; offset /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, offset);
  const float factor = rsqrtf(sum / HeadDim + a.eps);
  const float norms[8] = {low_norm.x,  low_norm.y,  low_norm.z,  low_norm.w,
                          high_norm.x, high_norm.y, high_norm.z, high_norm.w};
  const float of_pair[4] = {frequencies.x, frequencies.y, frequencies.z, frequencies.w};
  float turned[8];
#pragma unroll
  for (int e = 0; e < 4; ++e) {
    const float first = values[e] * factor * norms[e], second = values[4 + e] * factor * norms[4 + e];
    const float2 rotation = rotation_of(a.positions[row], of_pair[e]);
    turned[e] = first * rotation.x - second * rotation.y;
    turned[4 + e] = second * rotation.x + first * rotation.y;
  }
  if (!inside) return;
  const uint2 new_low = {pack_halves(turned[0], turned[1]), pack_halves(turned[2], turned[3])};
  const uint2 new_high = {pack_halves(turned[4], turned[5]), pack_halves(turned[6], turned[7])};
  *reinterpret_cast<uint2*>(x + column) = new_low;
  *reinterpret_cast<uint2*>(x + kHalf + column) = new_high;
  if (!is_key || a.slots[row] < 0) return;
  const int kv_dim = a.num_kv_heads * HeadDim;
  DeviceBFloat16* kept =
      a.store + static_cast<std::int64_t>(a.slots[row]) * 2 * kv_dim + (head - a.num_heads) * HeadDim;
  *reinterpret_cast<uint2*>(kept + column) = new_low;
  *reinterpret_cast<uint2*>(kept + kHalf + column) = new_high;
  *reinterpret_cast<uint4*>(kept + kv_dim + 2 * column) =
      *reinterpret_cast<const uint4*>(x + kv_dim + 2 * column);
}

template <int HeadDim>
void launch(const QkvArguments& a, std::int32_t num_rows, cudaStream_t stream) {
  const std::int64_t threads = static_cast<std::int64_t>(num_rows) * num_turned(a) * (HeadDim / 8);
  rotary_kernel<HeadDim>
      <<<static_cast<unsigned>((threads + kBlock - 1) / kBlock), kBlock, 0, stream>>>(a, num_rows);
}

}  // namespace

void launch_rotary(const QkvArguments& a, std::int32_t num_rows, cudaStream_t stream) {
  if (num_rows == 0) return;
  if (a.head_dim == 128) {
    launch<128>(a, num_rows, stream);
  } else if (a.head_dim == 64) {
    launch<64>(a, num_rows, stream);
  } else {
    check(a.head_dim == 32, "rotary embedding knows head_dim 32, 64 and 128");
    launch<32>(a, num_rows, stream);
  }
  RERANK_CUDA_CHECK(cudaGetLastError());
}

}  // namespace rerank::cuda
