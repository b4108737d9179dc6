// How the warps of an attention block share its memory and deal out its work; see attention.cu. For kernels
// only.
#pragma once

#include <cstdint>

#include "backend/cuda/attention.h"
#include "backend/cuda/hopper.cuh"

namespace rerank::cuda {

constexpr int kTile = 128;  // keys
constexpr int kRows = 128;  // of an item: (token, query head of one key head)
constexpr int kWarpgroup = 128;
constexpr int kConsumers = 2;
constexpr int kConsumerRows = kRows / kConsumers;
constexpr int kThreads = kWarpgroup * (1 + kConsumers);
constexpr int kTileCopiers = 3;   // warps; one more copies queries
constexpr int kSlots = 5;         // each holds the keys or the values of a tile
constexpr int kQueryBuffers = 2;  // one in use, one being filled

// What stands where in shared memory: slots of keys or values [kTile, head_dim], then buffers of queries
// [kRows, head_dim]; rows of 128 bytes, of which a longer row takes one in each of its blocks.
template <int HeadDim>
struct Layout {
  static constexpr int kBlocks = HeadDim > 64 ? HeadDim / 64 : 1;  // of 64 columns
  static constexpr int kBlockBytes = kTile * 128;
  static constexpr int kSlotBytes = kBlocks * kBlockBytes;
  static constexpr int kBytes = (kSlots + kQueryBuffers) * kSlotBytes + 1024;
  static_assert(kRows == kTile);

  __device__ static std::uint32_t slot(std::uint32_t base, int index) { return base + index * kSlotBytes; }
  __device__ static std::uint32_t queries(std::uint32_t base, int buffer) {
    return slot(base, kSlots + buffer);
  }
};

struct Barriers {
  std::uint64_t full[kSlots];
  std::uint64_t empty[kSlots];
  std::uint64_t queries_full[kQueryBuffers];
  std::uint64_t queries_empty[kQueryBuffers];

  __device__ void init() {
    for (int slot = 0; slot < kSlots; ++slot) {
      barrier_init(&full[slot], 1);
      barrier_init(&empty[slot], kConsumers * kWarpgroup / 32);
    }
    for (int buffer = 0; buffer < kQueryBuffers; ++buffer) {
      barrier_init(&queries_full[buffer], 1);
      barrier_init(&queries_empty[buffer], kConsumers * kWarpgroup / 32);
    }
    barriers_publish();
  }
};

__device__ inline int num_work(const AttentionArguments& a) {
  return a.num_items * a.shape.num_kv_heads;
}

// The same in all lanes, and known to be, so that what depends on it is computed once for a warp.
__device__ inline int of_warp(int value) {
  return __shfl_sync(0xffffffffu, value, 0);
}

// Calls use(item, key head) for each piece of the block's work: there and back over the blocks, since the
// pieces are sorted by their size. By whole warps; the next item is read beforehand.
template <typename Use>
__device__ inline void for_each_item(const AttentionArguments& a, const Use& use) {
  const int blocks = gridDim.x, block = blockIdx.x, num = num_work(a), kv_heads = a.shape.num_kv_heads;
  const auto piece = [&](int n) { return n * blocks + (n % 2 == 0 ? block : blocks - 1 - block); };
  const auto read = [&](int work) { return a.items[min(work, num - 1) / kv_heads]; };
  AttentionItem next = read(piece(0));
  for (int n = 0; n * blocks < num; ++n) {
    const int work = piece(n);
    AttentionItem item;
    item.first_row = of_warp(next.first_row);
    item.num_tokens = of_warp(next.num_tokens);
    item.position = of_warp(next.position);
    item.first_run = of_warp(next.first_run);
    item.num_runs = of_warp(next.num_runs);
    next = read(piece(n + 1));
    if (work < num) use(item, work % kv_heads);
  }
}

__device__ inline int num_tiles(const AttentionItem& item) {
  return (item.position + item.num_tokens + kTile - 1) / kTile;
}

}  // namespace rerank::cuda
