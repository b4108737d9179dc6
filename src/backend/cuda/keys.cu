// Keys on their way into attention: RMSNorm of each head and rotary embedding, as Hugging Face's
// Qwen3Attention does them, and copies of kept keys and values to their slots. Queries are turned inside
// attention.
#include "backend/cuda/device.h"
#include "backend/cuda/kernels.h"
#include "backend/cuda/vectors.cuh"

namespace rerank::cuda {
namespace {

constexpr int kBlock = 256;

// head_dim / 8 threads share a head; each holds four numbers of its first half and the four they turn with.
template <int kHeadDim>
__global__ void __launch_bounds__(kBlock) keys_kernel(KeyArguments a) {
  constexpr int kThreads = kHeadDim / 8, kHalf = kHeadDim / 2;
  const int task = (blockIdx.x * kBlock + threadIdx.x) / kThreads;  // a head of a row
  const bool inside = task < a.num_rows * a.num_kv_heads;
  const int row = inside ? task / a.num_kv_heads : 0, head = inside ? task % a.num_kv_heads : 0;
  const int column = threadIdx.x % kThreads * 4;
  bfloat16* key = a.qkv + static_cast<std::int64_t>(row) * a.stride + a.query_dim + head * kHeadDim;
  const uint2 low = *reinterpret_cast<const uint2*>(key + column);
  const uint2 high = *reinterpret_cast<const uint2*>(key + kHalf + column);
  float x[8] = {low_half(low.x),  high_half(low.x),  low_half(low.y),  high_half(low.y),
                low_half(high.x), high_half(high.x), low_half(high.y), high_half(high.y)};
  float sum = 0;
#pragma unroll
  for (int e = 0; e < 8; ++e) sum += x[e] * x[e];
#pragma unroll
  for (int offset = kThreads / 2; offset > 0; offset /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, offset);
  const float factor = rsqrtf(sum / kHeadDim + a.eps);
  const float2* rotation = a.rotation + static_cast<std::int64_t>(a.positions[row]) * kHalf + column;
#pragma unroll
  for (int e = 0; e < 4; ++e) {
    const float first = x[e] * factor * a.weight[column + e];
    const float second = x[4 + e] * factor * a.weight[kHalf + column + e];
    const float2 turn = rotation[e];
    x[e] = first * turn.x - second * turn.y;
    x[4 + e] = second * turn.x + first * turn.y;
  }
  if (!inside) return;
  const uint2 new_low = {pack_halves(x[0], x[1]), pack_halves(x[2], x[3])};
  const uint2 new_high = {pack_halves(x[4], x[5]), pack_halves(x[6], x[7])};
  *reinterpret_cast<uint2*>(key + column) = new_low;
  *reinterpret_cast<uint2*>(key + kHalf + column) = new_high;
  const int slot = a.slots[row];
  if (slot < 0) return;
  const int kv_dim = a.num_kv_heads * kHeadDim;
  bfloat16* kept = a.store + static_cast<std::int64_t>(slot) * 2 * kv_dim + head * kHeadDim;
  *reinterpret_cast<uint2*>(kept + column) = new_low;
  *reinterpret_cast<uint2*>(kept + kHalf + column) = new_high;
  *reinterpret_cast<uint4*>(kept + kv_dim + 2 * column) =
      *reinterpret_cast<const uint4*>(key + kv_dim + 2 * column);
}

template <int kHeadDim>
void launch(const KeyArguments& a, cudaStream_t stream) {
  const std::int64_t threads = static_cast<std::int64_t>(a.num_rows) * a.num_kv_heads * (kHeadDim / 8);
  keys_kernel<kHeadDim><<<static_cast<unsigned>((threads + kBlock - 1) / kBlock), kBlock, 0, stream>>>(a);
}

}  // namespace

void launch_keys(const KeyArguments& a, cudaStream_t stream) {
  if (a.head_dim == 128) {
    launch<128>(a, stream);
  } else if (a.head_dim == 64) {
    launch<64>(a, stream);
  } else {
    launch<32>(a, stream);
  }
  RERANK_CUDA_CHECK(cudaGetLastError());
}

}  // namespace rerank::cuda
