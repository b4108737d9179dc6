// Products on Hopper's matrix units. A block's tile is 128 rows by two halves of 128 outputs. One thread
// keeps the stages filled, two warpgroups multiply 64 rows each, and three warps finish their results while
// they are at the next tile.
#include <algorithm>

#include "backend/cuda/device.h"
#include "backend/cuda/fused_gemm_block.cuh"
#include "backend/cuda/overlap.cuh"
#include "backend/cuda/tensor_map.h"
#include "rerank/error.h"

namespace rerank::cuda {
namespace {

// Three warps: each part of each tile but the last, when it is there.
template <typename Finisher>
__device__ inline void finish_gemm_tiles(const FusedGemmArguments& a, const GemmOutputs& outputs,
                                         GemmShared shared, GemmBarriers& barriers,
                                         const Finisher& finisher) {
  Place<1> place;
  for_each_gemm_tile(a.num_rows, outputs, [&](int row, int tile, bool last) {
    if (last) return;
    for (int p = 0; p < kGemmMultipliers; ++p) {
      barrier_wait(&barriers.part_full[p], place.parity);
      const GemmPart<kGemmFinishers> part(shared.part(p), row + p * kGemmPartRows);
      finisher.finish(part, tile, a.num_rows);
      __syncwarp();
      if (threadIdx.x % 32 == 0) barrier_arrive(&barriers.part_empty[p]);
    }
    place.advance();
  });
}

template <typename Finisher>
__global__ void __cluster_dims__(kGemmCluster, 1, 1) __launch_bounds__(kGemmThreads, 1)
    fused_gemm_kernel(const __grid_constant__ FusedGemmArguments a,
                      const __grid_constant__ GemmOutputs outputs,
                      const __grid_constant__ Finisher finisher) {
  extern __shared__ unsigned char memory[];
  __shared__ GemmBarriers barriers;
  const GemmShared shared{(shared_address(memory) + 1023) / 1024 * 1024};
  let_next_kernel_begin();
  if (threadIdx.x == 0) barriers.init();
  cluster_sync();
  const unsigned warp =
      __shfl_sync(0xffffffffu, threadIdx.x / 32, 0);  // the same in all lanes, and known to be
  if (warp < kGemmWarps) {
    registers_give<152>();
    if (warp > 0) {
      finish_gemm_tiles(a, outputs, shared, barriers, finisher);
    } else {
      if (threadIdx.x == 0) {
        await_kernels_before();
        copy_gemm_tiles(a, outputs, shared, barriers);
      }
      __syncwarp();
    }
  } else {
    registers_take<176>();
    multiply_gemm_tiles(a, outputs, shared, barriers, finisher);
  }
  cluster_sync();  // nobody writes into a block that is gone
}

struct GateUp {
  DeviceBFloat16* out;
  std::int32_t ffn;

  template <int Warps>
  __device__ void finish(const GemmPart<Warps>& part, int tile, int num_rows) const {
    const int chunk = threadIdx.x % 16, column = tile * kGemmHalf + 8 * chunk;
    struct Fetched {
      uint4 gate, up;
    };
    part.template for_each_row<16, 2>(
        [&](int part_row) {
          return Fetched{part.results(part_row, chunk), part.results(part_row, kGemmHalf / 8 + chunk)};
        },
        [&](int part_row, bool inside, const Fetched& fetched) {
          const std::int64_t row = part.first_row + part_row;
          store_if(inside && row < num_rows && column < ffn, out + row * ffn + column,
                   pack8(swiglu8(fetched.gate, fetched.up)));
        });
  }
};

// A thread has 8 numbers of the first half of a head and the 8 that they turn with, in each half of the tile:
// they turn by the same angles.
template <int HeadDim>
struct Qkv {
  static constexpr int kHalf = HeadDim / 2;           // of a head
  static constexpr int kThreads = HeadDim / 16;       // of a head
  static constexpr int kHeads = kGemmHalf / HeadDim;  // of half a tile
  static constexpr int kLanes = kThreads * kHeads;

  QkvArguments a;

  struct Fetched {
    uint4 low[2], high[2];
    int position;
    int slot;
  };

  template <int Warps>
  __device__ void finish(const GemmPart<Warps>& part, int tile, int num_rows) const {
    const int first_head = a.first_head + tile * 2 * kHeads;
    if (first_head < a.num_heads + a.num_kv_heads) {
      finish_rows<true>(part, first_head, num_rows);
    } else {
      finish_rows<false>(part, first_head, num_rows);
    }
  }

  template <bool AnyTurned, int Warps>
  __device__ void finish_rows(const GemmPart<Warps>& part, int first_head, int num_rows) const {
    const int thread = threadIdx.x % kLanes, column = thread % kThreads * 8;
    const int heads[2] = {first_head + thread / kThreads, first_head + kHeads + thread / kThreads};
    const int chunk = (thread / kThreads * HeadDim + column) / 8, kv_dim = a.num_kv_heads * HeadDim;
    const std::int64_t stride = a.num_heads * HeadDim + 2 * kv_dim;
    Vector8 low_norms[2], high_norms[2], frequencies;
    if (AnyTurned) {
      frequencies = load8(a.frequencies + column);
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const float* norm = heads[half] < a.num_heads ? a.query_norm : a.key_norm;
        low_norms[half] = load8(norm + column);
        high_norms[half] = load8(norm + kHalf + column);
      }
    }
    const bool any_kept = first_head + 2 * kHeads > a.num_heads;
    part.template for_each_row<kLanes, 1>(
        [&](int part_row) {
          const int row = min(part.first_row + part_row, num_rows - 1);
          Fetched fetched;
#pragma unroll
          for (int half = 0; half < 2; ++half) {
            fetched.low[half] = part.results(part_row, half * (kGemmHalf / 8) + chunk);
            fetched.high[half] = part.results(part_row, half * (kGemmHalf / 8) + chunk + kHalf / 8);
          }
          fetched.position = AnyTurned ? __ldg(a.positions + row) : 0;
          fetched.slot = any_kept ? __ldg(a.slots + row) : -1;
          return fetched;
        },
        [&](int part_row, bool inside, Fetched fetched) {
          const std::int64_t row = part.first_row + part_row;
          float2 rotations[8];
          if (AnyTurned) {
#pragma unroll
            for (int e = 0; e < 8; ++e) rotations[e] = rotation_of(fetched.position, frequencies.values[e]);
          }
#pragma unroll
          for (int half = 0; half < 2; ++half) {
            const int head = heads[half];
            uint4 low = fetched.low[half], high = fetched.high[half];
            if (AnyTurned) {
              turn(low, high, low_norms[half], high_norms[half], rotations);
              const bool is_value = head >= a.num_heads + a.num_kv_heads;
              low = is_value ? fetched.low[half] : low;
              high = is_value ? fetched.high[half] : high;
            }
            const bool wanted = inside && row < num_rows && head < a.end_head;
            DeviceBFloat16* to = a.qkv + row * stride + head * HeadDim + column;
            store_if(wanted, to, low);
            store_if(wanted, to + kHalf, high);
            const bool kept = wanted && fetched.slot >= 0 && head >= a.num_heads;
            to = a.store + static_cast<std::int64_t>(fetched.slot) * 2 * kv_dim +
                 (head - a.num_heads) * HeadDim + column;
            store_if(kept, to, low);
            store_if(kept, to + kHalf, high);
          }
        });
  }

  // By whole warps: several lanes hold a head.
  __device__ void turn(uint4& low_bits, uint4& high_bits, const Vector8& low_norm, const Vector8& high_norm,
                       const float2 (&rotations)[8]) const {
    Vector8 low = unpack8(low_bits), high = unpack8(high_bits);
    float sums[4] = {};
#pragma unroll
    for (int e = 0; e < 8; ++e) {
      sums[e % 2] += low.values[e] * low.values[e];
      sums[2 + e % 2] += high.values[e] * high.values[e];
    }
    float sum = (sums[0] + sums[1]) + (sums[2] + sums[3]);
#pragma unroll
    for (int offset = kThreads / 2; offset > 0; offset /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, offset);
    const float factor = rsqrtf(sum / HeadDim + a.eps);
#pragma unroll
    for (int e = 0; e < 8; ++e) {
      const float first = low.values[e] * factor * low_norm.values[e];
      const float second = high.values[e] * factor * high_norm.values[e];
      low.values[e] = first * rotations[e].x - second * rotations[e].y;
      high.values[e] = second * rotations[e].x + first * rotations[e].y;
    }
    low_bits = pack8(low);
    high_bits = pack8(high);
  }
};

template <typename Finisher>
void prepare() {
  RERANK_CUDA_CHECK(cudaFuncSetAttribute(fused_gemm_kernel<Finisher>,
                                         cudaFuncAttributeMaxDynamicSharedMemorySize, kGemmSharedBytes));
}

template <typename Finisher>
void launch(const FusedGemmArguments& a, const GemmOutputs& outputs, const Finisher& finisher,
            cudaStream_t stream) {
  if (a.num_rows == 0) return;
  const std::int32_t tiles = (a.num_rows + kGemmPairRows - 1) / kGemmPairRows * outputs.num_tiles;
  const std::int32_t clusters = std::min(tiles, a.num_processors / kGemmCluster);
  launch_overlapping(fused_gemm_kernel<Finisher>, static_cast<unsigned>(clusters * kGemmCluster),
                     kGemmThreads, kGemmSharedBytes, stream, a, outputs, finisher);
}

std::int32_t tiles_of(std::int32_t outputs, std::int32_t step) {
  return (outputs + step - 1) / step;
}

// Calls use(Qkv<head_dim>).
template <typename Use>
void with_head_dim(std::int32_t head_dim, const Use& use) {
  if (head_dim == 128) return use(Qkv<128>());
  if (head_dim == 64) return use(Qkv<64>());
  check(head_dim == 32, "rotary embedding knows head_dim 32, 64 and 128");
  use(Qkv<32>());
}

}  // namespace

CUtensorMap gemm_view(const DeviceBFloat16* data, std::int64_t rows, std::int64_t inputs) {
  static_assert(kGemmHalf == kGemmRows, "x and weight are copied in boxes of one size");
  return tensor_map<2>(data, {static_cast<cuuint64_t>(inputs), static_cast<cuuint64_t>(rows)},
                       {static_cast<cuuint64_t>(2 * inputs)}, {kGemmDepth, kGemmRows});
}

void prepare_fused_gemms(std::int32_t head_dim) {
  prepare<GateUp>();
  with_head_dim(head_dim, [](auto finisher) { prepare<decltype(finisher)>(); });
}

void launch_gate_up(const FusedGemmArguments& a, DeviceBFloat16* out, std::int32_t ffn, cudaStream_t stream) {
  launch(a, {.first = 0, .second = ffn, .step = kGemmHalf, .num_tiles = tiles_of(ffn, kGemmHalf)},
         GateUp{out, ffn}, stream);
}

void launch_qkv(const FusedGemmArguments& a, const QkvArguments& qkv, cudaStream_t stream) {
  const std::int32_t first = qkv.first_head * qkv.head_dim,
                     count = (qkv.end_head - qkv.first_head) * qkv.head_dim;
  const GemmOutputs outputs{.first = first,
                            .second = first + kGemmHalf,
                            .step = kGemmColumns,
                            .num_tiles = tiles_of(count, kGemmColumns)};
  with_head_dim(qkv.head_dim, [&](auto finisher) {
    finisher.a = qkv;
    launch(a, outputs, finisher, stream);
  });
}

}  // namespace rerank::cuda
