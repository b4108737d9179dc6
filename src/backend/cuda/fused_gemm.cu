// Products on Hopper's matrix units. A block's tile is 128 rows by two halves of 128 outputs. One thread
// keeps the stages filled, two warpgroups multiply 64 rows each, and one finishes their results while they
// are at the next tile.
#include <algorithm>

#include "backend/cuda/device.h"
#include "backend/cuda/fused_gemm_block.cuh"
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
      const GemmPart part{shared.part(p), row + p * kGemmPartRows, static_cast<int>(threadIdx.x) / 32 - 1,
                          kGemmFinishers};
      const auto rows = finisher.prepare(part.first_row, a.num_rows);
      barrier_wait(&barriers.part_full[p], place.parity);
      finisher.finish(part, tile, a.num_rows, rows);
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
  if (threadIdx.x == 0) barriers.init();
  cluster_sync();
  if (threadIdx.x < kGemmWarpgroup) {
    registers_give<152>();
    if (threadIdx.x == 0) copy_gemm_tiles(a, outputs, shared, barriers);
    if (threadIdx.x >= 32) finish_gemm_tiles(a, outputs, shared, barriers, finisher);
    __syncwarp();
  } else {
    registers_take<176>();
    multiply_gemm_tiles(a, outputs, shared, barriers, finisher);
  }
  cluster_sync();  // nobody writes into a block that is gone
}

struct GateUp {
  DeviceBFloat16* out;
  std::int32_t ffn;

  struct Rows {};
  __device__ Rows prepare(int, int) const { return {}; }

  __device__ void finish(const GemmPart& part, int tile, int num_rows, Rows) const {
    const int chunk = threadIdx.x % 16, column = tile * kGemmHalf + 8 * chunk;
    if (column >= ffn) return;
    struct Fetched {
      uint4 gate, up;
    };
    part.for_each_row(
        [&](int part_row) {
          return Fetched{part.results(part_row, chunk), part.results(part_row, kGemmHalf / 8 + chunk)};
        },
        [&](int part_row, const Fetched& fetched) {
          const std::int64_t row = part.first_row + part_row;
          const uint4 gated = pack8(swiglu8(fetched.gate, fetched.up));
          if (row < num_rows) *reinterpret_cast<uint4*>(out + row * ffn + column) = gated;
        });
  }
};

// A thread has 8 numbers of the first half of a head and the 8 that they turn with.
template <int HeadDim>
struct Qkv {
  static constexpr int kHalf = HeadDim / 2, kThreads = HeadDim / 16;
  static_assert(kGemmColumns / HeadDim * kThreads == 16, "16 lanes share a row");

  QkvArguments a;

  // Of rows lane and lane + 32 of a part.
  struct Rows {
    int positions[2];
    int slots[2];
  };
  __device__ Rows prepare(int first_row, int num_rows) const {
    Rows rows;
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      const int row = first_row + 32 * i + threadIdx.x % 32;
      rows.positions[i] = row < num_rows ? a.positions[row] : 0;
      rows.slots[i] = row < num_rows && a.end_head > a.num_heads ? a.slots[row] : -1;
    }
    return rows;
  }
  __device__ static int of_row(const int (&values)[2], int part_row) {
    const int first = __shfl_sync(0xffffffffu, values[0], part_row % 32);
    const int second = __shfl_sync(0xffffffffu, values[1], part_row % 32);
    return part_row < 32 ? first : second;
  }

  __device__ void finish(const GemmPart& part, int tile, int num_rows, const Rows& rows) const {
    const int thread = threadIdx.x % 16, head_of_tile = thread / kThreads, column = thread % kThreads * 8;
    const int head = a.first_head + tile * (kGemmColumns / HeadDim) + head_of_tile;
    const int chunk = (head_of_tile * HeadDim + column) / 8, kv_dim = a.num_kv_heads * HeadDim;
    const std::int64_t stride = a.num_heads * HeadDim + 2 * kv_dim;
    const float* norm = head < a.num_heads ? a.query_norm : a.key_norm;
    const Vector8 low_norm = load8(norm + column), high_norm = load8(norm + kHalf + column);
    const bool turned = head < a.num_heads + a.num_kv_heads;
    part.for_each_row(
        [&](int part_row) {
          Fetched fetched{part.results(part_row, chunk), part.results(part_row, chunk + kHalf / 8), {}, {}};
          const auto* rotation = reinterpret_cast<const float4*>(
              a.rotation + static_cast<std::int64_t>(of_row(rows.positions, part_row)) * kHalf + column);
#pragma unroll
          for (int pair = 0; pair < 4; ++pair) fetched.turns[pair] = __ldg(rotation + pair);
          fetched.slot = of_row(rows.slots, part_row);
          return fetched;
        },
        [&](int part_row, Fetched fetched) {  // without branches, so that two rows can be under way at a time
          const std::int64_t row = part.first_row + part_row;
          const bool wanted = row < num_rows && head < a.end_head;
          turn(fetched, turned, low_norm, high_norm);
          DeviceBFloat16* to = a.qkv + row * stride + head * HeadDim + column;
          DeviceBFloat16* kept = a.store + static_cast<std::int64_t>(fetched.slot) * 2 * kv_dim +
                                 (head - a.num_heads) * HeadDim + column;
          if (wanted) *reinterpret_cast<uint4*>(to) = fetched.low;
          if (wanted) *reinterpret_cast<uint4*>(to + kHalf) = fetched.high;
          const bool keep = wanted && fetched.slot >= 0 && head >= a.num_heads;
          if (keep) *reinterpret_cast<uint4*>(kept) = fetched.low;
          if (keep) *reinterpret_cast<uint4*>(kept + kHalf) = fetched.high;
        });
  }

  struct Fetched {
    uint4 low, high;
    float4 turns[4];  // (cos, sin) of two numbers each
    int slot;
  };

  // By whole warps: several lanes hold a head.
  __device__ void turn(Fetched& fetched, bool turned, const Vector8& low_norm,
                       const Vector8& high_norm) const {
    Vector8 low = unpack8(fetched.low), high = unpack8(fetched.high);
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
      const float4 turns = fetched.turns[e / 2];
      const float cosine = e % 2 == 0 ? turns.x : turns.z, sine = e % 2 == 0 ? turns.y : turns.w;
      const float first = low.values[e] * factor * low_norm.values[e];
      const float second = high.values[e] * factor * high_norm.values[e];
      low.values[e] = first * cosine - second * sine;
      high.values[e] = second * cosine + first * sine;
    }
    const uint4 new_low = pack8(low), new_high = pack8(high);
    fetched.low = turned ? new_low : fetched.low;
    fetched.high = turned ? new_high : fetched.high;
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
  fused_gemm_kernel<<<static_cast<unsigned>(clusters * kGemmCluster), kGemmThreads, kGemmSharedBytes,
                      stream>>>(a, outputs, finisher);
  RERANK_CUDA_CHECK(cudaGetLastError());
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
