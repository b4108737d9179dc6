// Attention on Hopper's tensor cores. A block processes items: four warps copy tiles of queries, keys and
// values to shared memory, and two warpgroups multiply 64 query rows each, overlapping the softmax of a tile
// with the product of the previous one (FlashAttention-3, Shah et al. 2024, section 3).
#include <type_traits>

#include "backend/cuda/device.h"
#include "backend/cuda/hopper/attention.h"
#include "backend/cuda/hopper/attention_consumer.cuh"
#include "backend/cuda/hopper/attention_copier.cuh"
#include "backend/cuda/overlap.cuh"
#include "rerank/error.h"

namespace rerank::cuda {
namespace {

template <int HeadDim, bool IsE4m3, bool IsCausal>
__global__ void __launch_bounds__(kThreads, 1) attention_kernel(const __grid_constant__ HopperAttention a) {
  extern __shared__ unsigned char shared[];
  __shared__ Barriers barriers;
  const std::uint32_t base = (shared_address(shared) + 1023) / 1024 * 1024;
  if (threadIdx.x == 0) barriers.init();
  __syncthreads();
  if (threadIdx.x < kWarpgroup) {
    registers_give<40>();
    await_kernels_before();  // the others access nothing before these copies
    Copier<HeadDim, IsCausal> copier{a, base, barriers};
    const int warp = of_lane(static_cast<int>(threadIdx.x) / 32, 0);
    if (warp == kTileCopiers) {
      copier.copy_queries();
    } else {
      copier.copy_tiles(warp);
    }
  } else {
    registers_take<232>();
    Consumer<HeadDim, IsE4m3, IsCausal>(a, base, barriers).run();
  }
}

template <typename Use>
void with_head_dim(std::int32_t head_dim, const Use& use) {
  if (head_dim == 256) return use(std::integral_constant<int, 256>());
  if (head_dim == 128) return use(std::integral_constant<int, 128>());
  if (head_dim == 64) return use(std::integral_constant<int, 64>());
  check(head_dim == 32, "attention knows head_dim 32, 64, 128 and 256");
  use(std::integral_constant<int, 32>());
}

// Encoders are not quantized, so their results are never e4m3.
template <int HeadDim>
auto kernel_of(bool is_e4m3, bool is_causal) {
  if (!is_causal) {
    check(!is_e4m3, "attention both ways gives bfloat16");
    return attention_kernel<HeadDim, false, false>;
  }
  return is_e4m3 ? attention_kernel<HeadDim, true, true> : attention_kernel<HeadDim, false, true>;
}

}  // namespace

void prepare_attention(std::int32_t head_dim, bool is_causal) {
  with_head_dim(head_dim, [&](auto dim) {
    for (const bool is_e4m3 : {false, true}) {
      if (is_e4m3 && !is_causal) continue;
      RERANK_CUDA_CHECK(cudaFuncSetAttribute(kernel_of<dim.value>(is_e4m3, is_causal),
                                             cudaFuncAttributeMaxDynamicSharedMemorySize,
                                             Layout<dim.value>::kBytes));
    }
  });
}

void launch_attention(const HopperAttention& a, cudaStream_t stream) {
  if (a.num_turns == 0) return;
  with_head_dim(a.shape.head_dim, [&](auto dim) {
    launch_overlapping(kernel_of<dim.value>(a.out.e4m3 != nullptr, a.is_causal),
                       static_cast<unsigned>(a.num_blocks), kThreads, Layout<dim.value>::kBytes, stream, a);
  });
}

}  // namespace rerank::cuda
