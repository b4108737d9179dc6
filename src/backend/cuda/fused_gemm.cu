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

// Three warps: each part of each tile when it is there; but of the last tile the scales alone.
template <typename Finisher>
__device__ inline void finish_gemm_tiles(const FusedGemmArguments& a, const RowScale& scale,
                                         const GemmOutputs& outputs, GemmShared shared,
                                         GemmBarriers& barriers, const Finisher& finisher) {
  GemmTiles tiles(a.num_rows, outputs);
  if (Finisher::kScaled) find_scales(a, scale, tiles.row(), barriers.scales[0]);
  int now = 0;
  Place<1> place;
  while (!tiles.is_last()) {
    const int row = tiles.row(), tile = tiles.tile();
    tiles.advance();
    if (Finisher::kScaled) group_sync<32 * kGemmFinishers>(1 + kGemmMultipliers);
#pragma unroll 1
    for (int p = 0; p < kGemmMultipliers; ++p) {
      barrier_wait(&barriers.part_full[p], place.parity);
      finisher.finish(GemmPart<kGemmFinishers>(shared.part(p), barriers.scales[now] + p * kGemmPartRows,
                                               row + p * kGemmPartRows),
                      tile, a.num_rows);
      __syncwarp();
      if (threadIdx.x % 32 == 0) barrier_arrive(&barriers.part_empty[p]);
      if (Finisher::kScaled && p == 0) find_scales(a, scale, tiles.row(), barriers.scales[now ^ 1]);
    }
    place.advance();
    now ^= 1;
  }
  finisher.expect(tiles.row(), tiles.tile(), a.num_rows);
  for (int p = 0; p < kGemmMultipliers; ++p) group_arrive<kGemmPartSync>(1 + p);
}

template <typename Finisher>
__global__ void __cluster_dims__(kGemmCluster, 1, 1) __launch_bounds__(kGemmThreads, 1)
    fused_gemm_kernel(const __grid_constant__ FusedGemmArguments a, const __grid_constant__ RowScale scale,
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
      await_kernels_before();
      finish_gemm_tiles(a, scale, outputs, shared, barriers, finisher);
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

// A finisher has finish(part, tile, number of rows), and expect() of the block's last tile, which the
// multipliers finish. kScaled: it wants the scales of rows.
struct GateUp {
  static constexpr bool kScaled = true;
  DeviceBFloat16* out;
  std::int32_t ffn;

  template <int Warps>
  __device__ void finish(const GemmPart<Warps>& part, int tile, int num_rows) const {
    const int chunk = threadIdx.x % 16, column = tile * kGemmHalf + 8 * chunk;
    struct Fetched {
      uint4 gate, up;
      float scale;
    };
    part.template for_each_row<16, 2>(
        [&](int part_row) {
          return Fetched{part.results(part_row, chunk), part.results(part_row, kGemmHalf / 8 + chunk),
                         part.scales[part_row]};
        },
        [&](int part_row, bool inside, const Fetched& fetched) {
          const std::int64_t row = part.first_row + part_row;
          store_if(inside && row < num_rows && column < ffn, out + row * ffn + column,
                   pack8(swiglu8(fetched.gate, fetched.up, fetched.scale)));
        });
  }
  __device__ void expect(int, int, int) const {}
};

// A thread has 8 numbers of the first half of a head and the 8 that they turn with, in each half of the tile:
// they turn by the same angles.
template <int HeadDim>
struct Qkv {
  static constexpr bool kScaled = true;
  static constexpr int kHalf = HeadDim / 2;           // of a head
  static constexpr int kThreads = HeadDim / 16;       // of a head
  static constexpr int kHeads = kGemmHalf / HeadDim;  // of half a tile
  static constexpr int kLanes = kThreads * kHeads;

  QkvArguments a;

  struct Fetched {
    uint4 low[2], high[2];
    float scale;
    int position;
    int slot;
  };

  __device__ void expect(int, int, int) const {}

  template <int Warps>
  __device__ void finish(const GemmPart<Warps>& part, int tile, int num_rows) const {
    const int first_head = a.first_head + tile * 2 * kHeads;
    const int values = a.num_heads + a.num_kv_heads;
    if (first_head + 2 * kHeads <= values) {
      finish_rows<true, false>(part, first_head, num_rows);
    } else if (first_head < values) {
      finish_rows<true, true>(part, first_head, num_rows);
    } else {
      finish_rows<false, true>(part, first_head, num_rows);
    }
  }

  template <bool AnyTurned, bool AnyValue, int Warps>
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
          fetched.scale = part.scales[part_row];
          fetched.position = AnyTurned ? __ldg(a.positions + row) : 0;
          fetched.slot = any_kept ? __ldg(a.slots + row) : -1;
          return fetched;
        },
        [&](int part_row, bool inside, const Fetched& fetched) {
          const std::int64_t row = part.first_row + part_row;
          float2 rotations[8];
          float factors[2];
          if (AnyTurned) {
#pragma unroll
            for (int e = 0; e < 8; ++e) rotations[e] = rotation_of(fetched.position, frequencies.values[e]);
            find_factors(fetched, factors);
          }
#pragma unroll
          for (int half = 0; half < 2; ++half) {
            const int head = heads[half];
            Vector8 low = unpack8(fetched.low[half]), high = unpack8(fetched.high[half]);
            if (AnyValue && (!AnyTurned || head >= a.num_heads + a.num_kv_heads)) {
              low = scaled8(low, fetched.scale);
              high = scaled8(high, fetched.scale);
            } else {
              turn(low, high, low_norms[half], high_norms[half], rotations, factors[half]);
            }
            const bool wanted = inside && row < num_rows && head < a.end_head;
            DeviceBFloat16* to = a.qkv + row * stride + head * HeadDim + column;
            const uint4 low_bits = pack8(low), high_bits = pack8(high);
            store_if(wanted, to, low_bits);
            store_if(wanted, to + kHalf, high_bits);
            const bool kept = wanted && fetched.slot >= 0 && head >= a.num_heads;
            to = a.store + static_cast<std::int64_t>(fetched.slot) * 2 * kv_dim +
                 (head - a.num_heads) * HeadDim + column;
            store_if(kept, to, low_bits);
            store_if(kept, to + kHalf, high_bits);
          }
        });
  }

  // What RMSNorm multiplies the heads of both halves by, side by side. By whole warps: several lanes hold a
  // head.
  __device__ void find_factors(const Fetched& fetched, float (&factors)[2]) const {
    float sums[2];
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const Vector8 low = unpack8(fetched.low[half]), high = unpack8(fetched.high[half]);
      float parts[4] = {};
#pragma unroll
      for (int e = 0; e < 8; ++e) {
        parts[e % 2] += low.values[e] * low.values[e];
        parts[2 + e % 2] += high.values[e] * high.values[e];
      }
      sums[half] = (parts[0] + parts[1]) + (parts[2] + parts[3]);
    }
#pragma unroll
    for (int offset = kThreads / 2; offset > 0; offset /= 2) {
#pragma unroll
      for (float& sum : sums) sum += __shfl_xor_sync(0xffffffffu, sum, offset);
    }
    const float scale = fetched.scale;
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      factors[half] = rsqrtf(sums[half] * scale * scale / HeadDim + a.eps) * scale;
    }
  }

  __device__ static void turn(Vector8& low, Vector8& high, const Vector8& low_norm, const Vector8& high_norm,
                              const float2 (&rotations)[8], float factor) {
#pragma unroll
    for (int e = 0; e < 8; ++e) {
      const float first = low.values[e] * factor * low_norm.values[e];
      const float second = high.values[e] * factor * high_norm.values[e];
      low.values[e] = first * rotations[e].x - second * rotations[e].y;
      high.values[e] = second * rotations[e].x + first * rotations[e].y;
    }
  }
};

struct AddProduct {
  static constexpr bool kScaled = false;

  Residual x;

  template <int Warps>
  __device__ void finish(const GemmPart<Warps>& part, int tile, int num_rows) const {
    struct Fetched {
      Residual8 before[ResidualPart::kGroups];
    };
    const auto residual_part = [&](int part_row) {
      const int row = part.first_row + part_row;
      return ResidualPart{x, row, tile, row < num_rows};
    };
    part.template for_each_row<ResidualPart::kLanes, 1>(
        [&](int part_row) {
          const ResidualPart residual = residual_part(part_row);
          Fetched fetched;
#pragma unroll
          for (int group = 0; group < ResidualPart::kGroups; ++group) {
            fetched.before[group] = residual.load(group);
          }
          return fetched;
        },
        [&](int part_row, bool inside, const Fetched& fetched) {
          if (!inside) return;  // the whole warp
          ResidualPart residual = residual_part(part_row);
#pragma unroll
          for (int group = 0; group < ResidualPart::kGroups; ++group) {
            residual.add(
                group, fetched.before[group],
                part.results(part_row, group * ResidualPart::kLanes + threadIdx.x % ResidualPart::kLanes));
          }
          residual.finish();
        });
  }
  // Into the second-level cache: there is nothing else to do meanwhile.
  __device__ void expect(int first_row, int tile, int num_rows) const {
    const int column = tile * kGemmColumns, bytes = 2 * min(kGemmColumns, x.hidden - column);
    const int end = min(first_row + kGemmRows, num_rows);
    for (int row = first_row + threadIdx.x - 32; row < end; row += 32 * kGemmFinishers) {
      prefetch(x.high + static_cast<std::int64_t>(row) * x.hidden + column, bytes);
      prefetch(x.low + static_cast<std::int64_t>(row) * x.hidden + column, bytes);
    }
  }
};
static_assert(kGemmColumns == kSquarePart);

template <typename Finisher>
void prepare() {
  RERANK_CUDA_CHECK(cudaFuncSetAttribute(fused_gemm_kernel<Finisher>,
                                         cudaFuncAttributeMaxDynamicSharedMemorySize, kGemmSharedBytes));
}

std::int32_t num_cluster_tiles(std::int32_t num_rows, std::int32_t output_tiles) {
  return (num_rows + kGemmPairRows - 1) / kGemmPairRows * output_tiles;
}

template <typename Finisher>
void launch(const FusedGemmArguments& a, const RowScale& scale, GemmOutputs outputs, const Finisher& finisher,
            cudaStream_t stream) {
  if (a.num_rows == 0) return;
  // Weights that stay in the cache are read again for each pair of row tiles, and rows once; else both share
  // it.
  constexpr std::int64_t kCachedBytes = std::int64_t{16} << 20;
  const std::int64_t weight_bytes = std::int64_t{2} * a.inputs * outputs.num_tiles * kGemmColumns;
  outputs.strip = weight_bytes <= kCachedBytes ? 1 : 11;
  const std::int32_t clusters =
      std::min(num_cluster_tiles(a.num_rows, outputs.num_tiles), a.num_processors / kGemmCluster);
  launch_overlapping(fused_gemm_kernel<Finisher>, static_cast<unsigned>(clusters * kGemmCluster),
                     kGemmThreads, kGemmSharedBytes, stream, a, scale, outputs, finisher);
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
  prepare<AddProduct>();
  with_head_dim(head_dim, [](auto finisher) { prepare<decltype(finisher)>(); });
}

void launch_gate_up(const FusedGemmArguments& a, const RowScale& scale, DeviceBFloat16* out, std::int32_t ffn,
                    cudaStream_t stream) {
  launch(a, scale, {.first = 0, .second = ffn, .step = kGemmHalf, .num_tiles = tiles_of(ffn, kGemmHalf)},
         GateUp{out, ffn}, stream);
}

void launch_qkv(const FusedGemmArguments& a, const RowScale& scale, const QkvArguments& qkv,
                cudaStream_t stream) {
  const std::int32_t first = qkv.first_head * qkv.head_dim,
                     count = (qkv.end_head - qkv.first_head) * qkv.head_dim;
  const GemmOutputs outputs{.first = first,
                            .second = first + kGemmHalf,
                            .step = kGemmColumns,
                            .num_tiles = tiles_of(count, kGemmColumns)};
  with_head_dim(qkv.head_dim, [&](auto finisher) {
    finisher.a = qkv;
    launch(a, scale, outputs, finisher, stream);
  });
}

void launch_add_product(const FusedGemmArguments& a, const Residual& x, cudaStream_t stream) {
  const GemmOutputs outputs{
      .first = 0, .second = kGemmHalf, .step = kGemmColumns, .num_tiles = tiles_of(x.hidden, kGemmColumns)};
  launch(a, {}, outputs, AddProduct{x}, stream);
}

bool add_product_is_busy(std::int32_t num_rows, std::int32_t outputs, std::int32_t num_processors) {
  const std::int32_t tiles = num_cluster_tiles(num_rows, tiles_of(outputs, kGemmColumns));
  const std::int32_t clusters = num_processors / kGemmCluster;
  const std::int32_t places = (tiles + clusters - 1) / clusters * clusters;
  return 5 * tiles >= 4 * places;
}

}  // namespace rerank::cuda
