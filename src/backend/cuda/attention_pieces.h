// Which block of attention's kernel computes which pieces, and in which order. Needs no GPU.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "backend/cuda/attention_items.h"

namespace rerank::cuda {

class AttentionPieces {
 public:
  AttentionPieces() = default;
  AttentionPieces(std::int32_t num_kv_heads, std::int32_t num_processors, std::size_t max_items);

  // At most, for lists of so many items together, each of which is dealt by itself.
  std::size_t capacity(std::size_t num_items, std::size_t num_lists) const;
  std::int32_t num_blocks(std::size_t num_items) const;
  // Deals the items, of which `first_item` is the number of the first, to num_blocks() blocks, so that all
  // have about the same to do: there and back over the blocks, the most work first. Each block then walks its
  // pieces from the last item on, so that blocks read the same keys at about the same time, while they are in
  // the cache. Writes `pieces` [turns, blocks], kNoAttentionPiece behind a block's last, and returns the
  // turns.
  std::int32_t deal(std::span<const AttentionItem> items, std::int32_t first_item, std::int32_t* pieces);

 private:
  std::int32_t num_kv_heads_ = 0;
  std::int32_t num_processors_ = 0;
  // Reserved once.
  std::vector<std::int32_t> by_size_;  // items
  std::vector<std::int32_t> ranks_;    // of items in by_size_
  std::vector<std::int32_t> counts_;   // of pieces of each block
};

}  // namespace rerank::cuda
