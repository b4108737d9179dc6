// The copying warps of an attention block; see attention.cu. For kernels only.
#pragma once

#include "backend/cuda/hopper/attention_block.cuh"

namespace rerank::cuda {

// One warp copies the queries of items, the others take turns copying their tiles, in the order of use: keys
// 0, keys 1, values 0, keys 2, values 1, ... Slots are emptied in that order too. So a warp whose previous
// tile has found its slot empty cannot be two uses of a slot ahead, which the parity could not distinguish:
// there are more slots than warps.
template <int HeadDim, bool IsCausal>
struct Copier {
  using Shared = Layout<HeadDim>;
  static constexpr int kOutside = 1 << 30;  // no row of any view

  const HopperAttention& a;
  std::uint32_t base;
  Barriers& barriers;
  Place<kSlots> place;
  Place<Shared::kQueryBuffers> query_place;

  // Keys [begin, end) of a tile, from consecutive rows of a tensor map.
  struct Run {
    int begin, end, source, kept;
  };
  // The part of an item's run `index` that is in a tile. The index after the last run gives the padding of
  // the tile with zeros, so that no foreign values are multiplied by the zeros of a mask; later ones give an
  // empty run.
  __device__ Run run_of(const AttentionItem& item, int index, int position, int num_keys,
                        int num_rows) const {
    if (index >= item.num_runs) return {num_keys, index == item.num_runs ? num_rows : 0, kOutside, 0};
    const KeyRun run = a.runs[item.first_run + index];
    const int next =
        index + 1 < item.num_runs ? a.runs[item.first_run + index + 1].begin - position : num_keys;
    const int begin = max(run.begin - position, 0);
    return {begin, min(next, num_keys), run.source + position + begin - run.begin, run.kept};
  }

  // Copies the keys (0) or values (1) of a tile. Each lane copies one run, in boxes of powers of two.
  __device__ void copy_tile(const AttentionItem& item, int kv_head, int tile, int which) {
    const int position = tile * Shared::kTile,
              num_keys =
                  min(Shared::kTile, (IsCausal ? item.position + item.num_tokens : item.num_keys) - position);
    const int num_rows = (num_keys + 63) / 64 * 64;
    const int lane = threadIdx.x % 32, box = lane / Shared::kBlocks, block = lane % Shared::kBlocks;
    std::uint64_t* barrier = &barriers.full[place.index];
    const std::uint32_t to = Shared::slot(base, place.index) + block * Shared::kBlockBytes;
    const int column = kv_head * HeadDim + which * a.shape.kv_dim() + block * 64;
    Run mine = run_of(item, lane, position, num_keys, num_rows);  // while the slot may still be in use
    barrier_wait(&barriers.empty[place.index], place.parity ^ 1);
    if (lane == 0) barrier_arrive_and_expect(barrier, num_rows * Shared::kBlocks * 128);
    __syncwarp();
    for (int first = 0; first <= item.num_runs; first += 32) {
      if (first > 0) mine = run_of(item, first + lane, position, num_keys, num_rows);
      for (unsigned left = __ballot_sync(0xffffffffu, mine.begin < mine.end); left != 0; left &= left - 1) {
        const int from = __ffs(static_cast<int>(left)) - 1;
        const int begin = of_lane(mine.begin, from), count = of_lane(mine.end, from) - begin;
        const int source = of_lane(mine.source, from), kept = of_lane(mine.kept, from);
        if (box < AttentionViews::kBoxes && (count >> box & 1) != 0) {
          const int before = count >> (box + 1) << (box + 1);  // rows in larger boxes
          copy_box(to + (begin + before) * 128, kept != 0 ? &a.views.slots[box] : &a.views.rows[box],
                   kept != 0 ? column : a.shape.query_dim() + column,
                   (kept != 0 ? a.first_slot : 0) + source + before, barrier);
        }
        __syncwarp();
      }
    }
  }

  __device__ void copy_queries(const AttentionItem& item, int kv_head) {
    const int group = a.shape.num_heads / a.shape.num_kv_heads;
    barrier_wait(&barriers.queries_empty[query_place.index], query_place.parity ^ 1);
    if (threadIdx.x % 32 == 0) {
      std::uint64_t* barrier = &barriers.queries_full[query_place.index];
      barrier_arrive_and_expect(barrier, kRows / group * group * Shared::kBlocks * 128);
      for (int block = 0; block < Shared::kBlocks; ++block) {
        copy_box(Shared::queries(base, query_place.index) + block * Shared::kQueryBlockBytes,
                 &a.views.queries, block * 64, kv_head * group, item.first_row, barrier);
      }
    }
    __syncwarp();
    query_place.advance();
  }

  __device__ void copy_queries() {
    for_each_item<IsCausal>(a, [&](const AttentionItem& item, int kv_head) { copy_queries(item, kv_head); });
  }
  // Called by copier number `copier` of kTileCopiers.
  __device__ void copy_tiles(int copier) {
    static_assert(kTileCopiers < kSlots);
    int turn = 0;
    for_each_item<IsCausal>(a, [&](const AttentionItem& item, int kv_head) {
      const int first = IsCausal ? 0 : Shared::first_tile(a, item);
      const int num_slots = IsCausal ? 2 * Shared::num_tiles(item)
                                     : 2 * (Shared::end_tile(end_key(a, item, item.num_tokens - 1)) - first);
      for (int slot = 0; slot < num_slots; ++slot) {
        const bool values = slot + 1 == num_slots || (slot > 0 && slot % 2 == 0);
        if (turn == copier) {
          copy_tile(item, kv_head, first + (values ? (slot - 1) / 2 : (slot + 1) / 2), values);
        }
        place.advance();
        turn = turn + 1 == kTileCopiers ? 0 : turn + 1;
      }
    });
  }
};

}  // namespace rerank::cuda
