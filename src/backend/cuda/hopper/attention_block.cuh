// How the warps of an attention block share its memory and distribute its work; see attention.cu. For kernels
// only.
#pragma once

#include <cstdint>

#include "backend/cuda/hopper/attention.h"
#include "backend/cuda/hopper/hopper.cuh"

namespace rerank::cuda {

constexpr int kRows = 128;  // of an item: (token, query head of one key head)
constexpr int kWarpgroup = 128;
constexpr int kConsumers = 2;
constexpr int kConsumerRows = kRows / kConsumers;
constexpr int kThreads = kWarpgroup * (1 + kConsumers);
constexpr int kTileCopiers = 3;  // warps; one more copies queries
constexpr int kSlots = 5;        // each holds the keys or the values of a tile
constexpr int kMaxQueryBuffers = 2;

// The layout of shared memory: slots of keys or values [kTile, head_dim], then buffers of queries [kRows,
// head_dim]. Rows are 128 bytes; a longer row is spread over several blocks of 64 columns. Heads of 256 leave
// room only for half a tile of keys and one query buffer, and registers for no more scores.
template <int HeadDim>
struct Layout {
  static constexpr bool kIsWide = HeadDim > 128;
  static constexpr int kTile = kIsWide ? 64 : 128;                 // keys
  static constexpr int kQueryBuffers = kIsWide ? 1 : 2;            // double-buffered if there is room
  static constexpr int kBlocks = HeadDim > 64 ? HeadDim / 64 : 1;  // of 64 columns
  static constexpr int kBlockBytes = kTile * 128;
  static constexpr int kSlotBytes = kBlocks * kBlockBytes;
  static constexpr int kQueryBlockBytes = kRows * 128;
  static constexpr int kQueryBytes = kBlocks * kQueryBlockBytes;
  static constexpr int kBytes = kSlots * kSlotBytes + kQueryBuffers * kQueryBytes + 1024;
  static_assert(kQueryBuffers <= kMaxQueryBuffers);

  __device__ static std::uint32_t slot(std::uint32_t base, int index) { return base + index * kSlotBytes; }
  __device__ static std::uint32_t queries(std::uint32_t base, int buffer) {
    return slot(base, kSlots) + buffer * kQueryBytes;
  }
  __device__ static int end_tile(int end_key) { return (end_key - 1) / kTile + 1; }
  __device__ static int num_tiles(const AttentionItem& item) {
    return (item.position + item.num_tokens + kTile - 1) / kTile;
  }
  // The first tile that an item attends to.
  __device__ static int first_tile(const HopperAttention& a, const AttentionItem& item) {
    return a.window == 0 ? 0 : max(item.position - a.window, 0) / kTile;
  }
};

struct Barriers {
  std::uint64_t full[kSlots];
  std::uint64_t empty[kSlots];
  std::uint64_t queries_full[kMaxQueryBuffers];
  std::uint64_t queries_empty[kMaxQueryBuffers];

  __device__ void init() {
    for (int slot = 0; slot < kSlots; ++slot) {
      barrier_init(&full[slot], 1);
      barrier_init(&empty[slot], kConsumers * kWarpgroup / 32);
    }
    for (int buffer = 0; buffer < kMaxQueryBuffers; ++buffer) {
      barrier_init(&queries_full[buffer], 1);
      barrier_init(&queries_empty[buffer], kConsumers * kWarpgroup / 32);
    }
    barriers_publish();
  }
};

// One past the last key that token `token` of an item attends to in bidirectional attention.
__device__ inline int end_key(const HopperAttention& a, const AttentionItem& item, int token) {
  const int position = item.position + min(token, item.num_tokens - 1);
  return a.window == 0 ? item.num_keys : min(item.num_keys, position + a.window + 1);
}

// A lane's value, broadcast so that the compiler knows it to be uniform and computes what depends on it once
// per warp.
__device__ inline int of_lane(int value, int lane) {
  return __shfl_sync(0xffffffffu, value, lane);
}

// Calls use(item, key head) for each piece of the block's work. Called by whole warps. The next piece is
// loaded in advance, one part by each lane: the compiler would wait at once for a load by all lanes.
template <bool IsCausal, typename Use>
__device__ inline void for_each_item(const HopperAttention& a, const Use& use) {
  const int lane = threadIdx.x % 32;
  const auto read_pieces = [&](int turn) {
    return a.pieces[min(turn + lane, a.num_turns - 1) * static_cast<int>(gridDim.x) +
                    static_cast<int>(blockIdx.x)];
  };
  static_assert(sizeof(AttentionItem) == 8 * sizeof(int));
  const auto read_item = [&](int piece) {
    return reinterpret_cast<const int*>(a.items + item_of_piece(max(piece, 0)))[lane % 8];
  };
  int pieces = read_pieces(0), piece = of_lane(pieces, 0), words = read_item(piece);
  for (int turn = 0; turn < a.num_turns; ++turn) {
    const AttentionItem item{of_lane(words, 0),
                             of_lane(words, 1),
                             of_lane(words, 2),
                             of_lane(words, 3),
                             of_lane(words, 4),
                             IsCausal ? 0 : of_lane(words, 5),
                             {}};
    const int now = piece, next = (turn + 1) % 32;
    if (next == 0) pieces = read_pieces(turn + 1);
    piece = of_lane(pieces, next);
    words = read_item(piece);
    if (now != kNoAttentionPiece) use(item, kv_head_of_piece(now));
  }
}

}  // namespace rerank::cuda
