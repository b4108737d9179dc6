// Distributes the pieces of attention's work over the blocks of its kernel, in order. Needs no GPU.
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

  // The maximum number of pieces for `num_lists` lists with `num_items` items in total, each distributed
  // separately.
  std::size_t capacity(std::size_t num_items, std::size_t num_lists) const;
  std::int32_t num_blocks(std::size_t num_items) const;
  // Distributes the items, numbered from `first_item`, over num_blocks() blocks so that all have about the
  // same amount of work: the largest first, in alternating directions over the blocks. Each block then
  // processes its pieces from the last item to the first, so that blocks read the same keys at about the same
  // time, while they are cached. Writes `pieces` [turns, blocks], padded with kNoAttentionPiece, and returns
  // the number of turns.
  std::int32_t deal(std::span<const AttentionItem> items, std::int32_t first_item, std::int32_t* pieces);

 private:
  std::int32_t num_kv_heads_ = 0;
  std::int32_t num_processors_ = 0;
  // Allocated once.
  std::vector<std::int32_t> by_size_;  // items
  std::vector<std::int32_t> ranks_;    // of the items, in by_size_
  std::vector<std::int32_t> counts_;   // pieces per block
};

}  // namespace rerank::cuda
