// How the warps of a matrix product share their block's memory, and the warps that copy and multiply; see
// fused_gemm.cu. For kernels only.
#pragma once

#include <cstdint>
#include <type_traits>

#include "backend/cuda/hopper/fused_gemm.h"
#include "backend/cuda/hopper/gemm_schedule.h"
#include "backend/cuda/hopper/hopper.cuh"
#include "backend/cuda/overlap.cuh"
#include "backend/cuda/rows/residual.cuh"
#include "backend/cuda/rows/vectors.cuh"

namespace rerank::cuda {

constexpr int kGemmStages = 3;
constexpr int kGemmWarpgroup = 128;  // of a multiplier; one more has the copying warp and the finishers
constexpr int kGemmThreads = kGemmWarpgroup * (1 + kGemmMultipliers);
constexpr int kGemmWarps = kGemmWarpgroup / 32;  // of a warpgroup
constexpr int kGemmFinishers = kGemmWarps - 1;   // warps
// Threads at barriers 1 and 2, before the epilogue of the last tile: a multiplier and the finishers; or all
// at barrier 1 if that tile is a half. The next barrier is for the finishers only.
constexpr int kGemmPartSync = kGemmWarpgroup + 32 * kGemmFinishers;
constexpr int kGemmHalfSync = kGemmPartSync + kGemmWarpgroup;

constexpr int kGemmRowBytes = 128;
constexpr int kGemmBoxBytes = kGemmPartRows * kGemmRowBytes;  // 64 inputs or results of a multiplier's rows
template <NumberType Type>
constexpr int kGemmDepth = kGemmRowBytes / (is_quantized(Type) ? 1 : 2);  // inputs of a stage
constexpr int kGemmXBytes = kGemmRows * kGemmRowBytes;
constexpr int kGemmHalfBytes = kGemmHalf * kGemmRowBytes;
constexpr int kGemmStageBytes = kGemmXBytes + 2 * kGemmHalfBytes;
constexpr int kGemmPartBytes = kGemmColumns / 64 * kGemmBoxBytes;
constexpr int kGemmSharedBytes = kGemmStages * kGemmStageBytes + kGemmMultipliers * kGemmPartBytes + 1024;

struct GemmBarriers {
  std::uint64_t full[kGemmStages];
  std::uint64_t empty[kGemmStages];  // by the multipliers of both blocks: weights are written to both
  std::uint64_t part_full[kGemmMultipliers];
  std::uint64_t part_empty[kGemmMultipliers];

  __device__ void init() {
    for (int stage = 0; stage < kGemmStages; ++stage) {
      barrier_init(&full[stage], 1);
      barrier_init(&empty[stage], kGemmCluster * kGemmMultipliers * kGemmWarps);
    }
    for (int part = 0; part < kGemmMultipliers; ++part) {
      barrier_init(&part_full[part], kGemmWarps);
      barrier_init(&part_empty[part], kGemmFinishers);
    }
    barriers_publish();
  }
};

// The layout of shared memory: stages of x and weights, then each multiplier's part of the results.
struct GemmShared {
  std::uint32_t base;

  __device__ std::uint32_t x(int stage, int part) const {
    return base + stage * kGemmStageBytes + part * kGemmBoxBytes;
  }
  __device__ std::uint32_t weight(int stage) const { return x(stage, kGemmMultipliers); }
  __device__ std::uint32_t part(int part) const { return x(kGemmStages, 0) + part * kGemmPartBytes; }
};

// Tile t has outputs [t * step, t * step + kGemmHalf) relative to `first` and to `second`.
struct GemmOutputs {
  std::int32_t first;
  std::int32_t second;
  std::int32_t step;
  std::int32_t num_tiles;
};

// Shared by the warps of a block.
template <typename Finisher>
struct GemmBlock {
  const FusedGemmArguments& a;
  const GemmOutputs& outputs;
  const GemmSchedule& schedule;
  const Finisher& finisher;
  GemmShared shared;
  GemmBarriers& barriers;
  // Of this tile and the next, as the finisher needs them.
  typename Finisher::Row (&rows)[2][kGemmRows];

  __device__ GemmTiles tiles() const {
    return {a.num_rows, schedule, static_cast<int>(gridDim.x) / kGemmCluster,
            static_cast<int>(blockIdx.x) / kGemmCluster, static_cast<int>(block_of_cluster())};
  }
};

// The count that a multiplier's rows of a tile add up to when they are finished, by 3, 4 or 8 warps.
constexpr int kGemmPartCount = 24;

// Waits until the rows of x for a cluster's tile are ready, to be read by this thread and by TMA.
__device__ inline void await_rows(const FusedGemmArguments& a, int first_row) {
  if (a.before.counts == nullptr) return await_kernels_before();
  const int pair = first_row / kGemmPairRows;
  const int parts =
      pair * kGemmPairRows + kGemmHalfPairRows < a.num_rows ? kGemmCluster * kGemmMultipliers : kGemmCluster;
  const auto wanted = static_cast<unsigned>(a.before.output_tiles * parts * kGemmPartCount);
  while (load_acquire(a.before.counts + pair) < wanted) {
  }
  order_with_copies();
}

// Called by a warp, one of `Warps` that share `num_rows` rows of a tile, after it has stored what the next
// product reads. With rows apart, a block also counts for the rows that the other one does not have.
template <int Warps>
__device__ inline void count_rows(const FusedGemmArguments& a, int first_row, int num_rows, bool is_apart) {
  // Half a tile may have no rows, and is not waited for.
  if (a.counts == nullptr || first_row / kGemmHalfPairRows * kGemmHalfPairRows >= a.num_rows) return;
  order_with_copies();
  __syncwarp();
  if (threadIdx.x % 32 == 0) {
    const int blocks = is_apart ? kGemmCluster : 1;
    add_release(a.counts + first_row / kGemmPairRows,
                blocks * kGemmPartCount * num_rows / (kGemmPartRows * Warps));
  }
}

// One thread: fills stages with the block's own rows and one half of the weights, which is copied to both
// blocks.
template <typename Finisher>
__device__ inline void copy_gemm_tiles(const GemmBlock<Finisher>& block) {
  constexpr std::uint16_t kBoth = 0b11;
  const FusedGemmArguments& a = block.a;
  const GemmOutputs& outputs = block.outputs;
  GemmBarriers& barriers = block.barriers;
  const unsigned half = block_of_cluster();
  Place<kGemmStages> place;
  for (GemmTiles tiles = block.tiles(); !tiles.has_ended(); tiles.advance()) {
    const int parts = tiles.parts(), bytes = parts * kGemmBoxBytes + 2 * kGemmHalfBytes;
    const int shift = tiles.tile() * outputs.step, first = outputs.first + shift,
              second = outputs.second + shift;
    for (int input = 0; input < a.inputs; input += kGemmDepth<Finisher::kType>) {
      barrier_wait(&barriers.empty[place.index], place.parity ^ 1);
      std::uint64_t* full = &barriers.full[place.index];
      barrier_arrive_and_expect(full, bytes);
      const std::uint32_t weight = block.shared.weight(place.index);
      if (tiles.is_apart()) {
        copy_box(weight, &a.weight.tile, input, first, full);
        copy_box(weight + kGemmHalfBytes, &a.weight.tile, input, second, full);
      } else {
        copy_box_to(kBoth, weight + half * kGemmHalfBytes, &a.weight.tile, input, half == 0 ? first : second,
                    full);
      }
      if (input == 0) await_rows(a, tiles.row());
      copy_box(block.shared.x(place.index, 0), parts == 1 ? &a.x.half_tile : &a.x.tile, input, tiles.row(),
               full);
      place.advance();
    }
  }
}

// Some of a multiplier's rows; `first` is a multiple of 8.
struct GemmRows {
  int part;
  int first;
  int count;
};

// The results of these rows, as the warps of the epilogue see them.
template <int Warps, typename Row>
struct GemmPart {
  std::uint32_t base;
  const Row* rows;  // what the finisher needs for each
  int first_row;
  int num_rows;
  int warp;  // of Warps; uniform, and known to the compiler to be

  // For a tile whose rows begin at `row`. Some warps have one row more than others; `turn` changes which.
  __device__ GemmPart(const GemmShared& shared, const GemmRows& of, const Row* tile_rows, int row, int turn)
      : base(shared.part(of.part) + of.first * kGemmRowBytes),
        rows(tile_rows + of.part * kGemmPartRows + of.first),
        first_row(row + of.part * kGemmPartRows + of.first),
        num_rows(of.count),
        warp(__shfl_sync(0xffffffffu, (threadIdx.x / 32 + turn) % Warps, 0)) {}

  // Results [8 * chunk, 8 * chunk + 8) of a row of the part.
  __device__ uint4 results(int row, int chunk) const {
    return load_shared(base + chunk / 8 * kGemmBoxBytes + row * kGemmRowBytes + (chunk % 8 ^ row % 8) * 16);
  }
  // Calls use(row of the part, whether it exists, fetch(row)) for each row of this thread, which shares it
  // with Lanes lanes; Ahead rows are fetched before they are used, and code without branches is interleaved.
  template <int Lanes, int Ahead, typename Fetch, typename Use>
  __device__ void for_each_row(const Fetch& fetch, const Use& use) const {
    constexpr int kRows = 32 / Lanes;  // rows of a warp at a time
    const int num_turns = num_rows / kRows;
    const auto row_of = [](int turn) { return turn * kRows + static_cast<int>(threadIdx.x) % 32 / Lanes; };
    const auto fetch_turn = [&](int turn) { return fetch(row_of(min(turn, num_turns - 1))); };
    decltype(fetch(0)) fetched[Ahead];
#pragma unroll
    for (int i = 0; i < Ahead; ++i) fetched[i] = fetch_turn(warp + i * Warps);
#pragma unroll 1
    for (int first = warp; first < num_turns; first += Warps * Ahead) {
      decltype(fetch(0)) next[Ahead];
#pragma unroll
      for (int i = 0; i < Ahead; ++i) next[i] = fetch_turn(first + (Ahead + i) * Warps);
#pragma unroll
      for (int i = 0; i < Ahead; ++i) {
        const int turn = first + i * Warps;
        use(row_of(turn), turn < num_turns, fetched[i]);
        fetched[i] = next[i];
      }
    }
  }
};

// The finishers together compute what is needed for the rows of a tile.
template <typename Finisher>
__device__ inline void find_rows(const GemmBlock<Finisher>& block, const ProductScale& scale, int first_row,
                                 typename Finisher::Row* rows) {
  const FusedGemmArguments& a = block.a;
  for (int row = static_cast<int>(threadIdx.x) - 32; row < kGemmRows; row += 32 * kGemmFinishers) {
    const int of = min(first_row + row, a.num_rows - 1);
    rows[row] = block.finisher.row(of, is_quantized(Finisher::kType) ? scale.rows[of]
                                       : scale.squares == nullptr
                                           ? 1.0f
                                           : row_factor(scale.squares, of, a.inputs, scale.eps));
  }
}

// The type of the sums of a product.
template <NumberType Type>
using GemmSum = std::conditional_t<Type == NumberType::kInt8, int, float>;

// A warpgroup, and the stages it reads in order.
template <NumberType Type>
struct GemmMultiplier {
  GemmShared shared;
  GemmBarriers& barriers;
  int part;
  Place<kGemmStages> place;

  __device__ void release(int stage) const {
    const int lane = threadIdx.x % 32;
    if (lane < kGemmCluster) barrier_arrive_at(lane, &barriers.empty[stage]);
  }
  __device__ void wait() const { barrier_wait(&barriers.full[place.index], place.parity); }

  // d[4 * j + 2 * i + e]: row lane / 4 + 8 * i of the warp's 16, output 8 * j + 2 * (lane % 4) + e. Returns
  // the stage whose products may still be in progress.
  __device__ int multiply(GemmSum<Type>* d, int inputs) {
    int before = -1;
#pragma unroll 1
    for (int input = 0; input < inputs; input += kGemmDepth<Type>) {
      wait();
      const std::uint64_t x = matrix_descriptor(shared.x(place.index, part), 0);
      const std::uint64_t weight = matrix_descriptor(shared.weight(place.index), 0);
      products_begin();
#pragma unroll
      for (int k = 0; k < kGemmRowBytes / 32; ++k) {
        const std::uint64_t x_now = x + 2 * k, weight_now = weight + 2 * k;  // 32 bytes further
        const int accumulate = input > 0 || k > 0;
        if constexpr (Type == NumberType::kInt8) {
          multiply_rows256_int8(d, x_now, weight_now, accumulate);
        } else if constexpr (Type == NumberType::kE4m3) {
          multiply_rows256_e4m3(d, x_now, weight_now, accumulate);
        } else {
          multiply_rows256(d, x_now, weight_now, accumulate);
        }
      }
      products_commit();
      products_wait<1>();
      if (before >= 0) release(before);
      before = place.index;
      place.advance();
    }
    return before;
  }
  // Releases the same stages without computing rows.
  __device__ void pass(int inputs) {
    for (int input = 0; input < inputs; input += kGemmDepth<Type>) {
      wait();
      release(place.index);
      place.advance();
    }
  }
};

// A warpgroup: computes 64 rows of each tile, rounds them to bfloat16 and leaves them in the multiplier's
// part for the finishers; the last tile is finished by the multipliers.
template <typename Finisher>
__device__ inline void multiply_gemm_tiles(const GemmBlock<Finisher>& block) {
  const FusedGemmArguments& a = block.a;
  GemmBarriers& barriers = block.barriers;
  // Known to the compiler to be uniform, so that the loops below are too.
  const int part = __shfl_sync(0xffffffffu, static_cast<int>(threadIdx.x) / kGemmWarpgroup - 1, 0);
  const int lane = threadIdx.x % 32;
  const int part_row = threadIdx.x % kGemmWarpgroup / 32 * 16 + lane % 16;
  const std::uint32_t to = block.shared.part(part) + part_row * kGemmRowBytes;
  GemmMultiplier<Finisher::kType> multiplier{block.shared, barriers, part};
  GemmSum<Finisher::kType> d[kGemmColumns / 2];
  Place<1> part_place;
  int now = 0;
  GemmTiles tiles = block.tiles();
  for (;;) {
    const bool is_last = tiles.is_last();
    if (part < tiles.parts()) {
      const int before = multiplier.multiply(d, a.inputs);
      if (!is_last) tiles.advance();  // while its last products are in progress
      barrier_wait(&barriers.part_empty[part], part_place.parity ^ 1);
      products_wait<0>();
      multiplier.release(before);
#pragma unroll
      for (int block = 0; block < kGemmColumns / 8; block += 2) {
        const auto pair = [&](int i) {
          return pack_halves(static_cast<float>(d[4 * block + i]), static_cast<float>(d[4 * block + i + 1]));
        };
        const int chunk = block % 8 + lane / 16;  // of 8 results, swizzled by 128 bytes
        store_matrices(to + block / 8 * kGemmBoxBytes + (chunk ^ part_row % 8) * 16, pair(0), pair(2),
                       pair(4), pair(6));
      }
    } else {
      multiplier.pass(a.inputs);
      if (!is_last) tiles.advance();
      barrier_wait(&barriers.part_empty[part], part_place.parity ^ 1);
    }
    part_place.advance();
    __syncwarp();
    if (is_last) break;
    if (lane == 0) barrier_arrive(&barriers.part_full[part]);
    now ^= 1;
  }
  GemmRows rows{part, 0, kGemmPartRows};
  if (tiles.parts() == 1) {
    rows.part = 0;
    rows.count = kGemmPartRows / kGemmMultipliers;
    rows.first = part * rows.count;
    group_sync<kGemmHalfSync>(1);
  } else {
    group_sync<kGemmPartSync>(1 + part);
  }
  block.finisher.finish(tiles.tile(), a.num_rows, [&](const auto& finish_part) {
    finish_part(
        GemmPart<kGemmWarps, typename Finisher::Row>(block.shared, rows, block.rows[now], tiles.row(), 0));
  });
  count_rows<kGemmWarps>(a, tiles.row(), rows.count, tiles.is_apart());
}

}  // namespace rerank::cuda
