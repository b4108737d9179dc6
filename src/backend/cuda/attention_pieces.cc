#include "backend/cuda/attention_pieces.h"

#include <algorithm>
#include <numeric>

#include "backend/cuda/size.h"
#include "rerank/error.h"

namespace rerank::cuda {

AttentionPieces::AttentionPieces(std::int32_t num_kv_heads, std::int32_t num_processors,
                                 std::size_t max_items)
    : num_kv_heads_(num_kv_heads), num_processors_(num_processors) {
  check(num_kv_heads < 256, "attention knows fewer than 256 key heads");
  by_size_.reserve(max_items);
  ranks_.reserve(max_items);
  counts_.reserve(size(num_processors));
}

std::size_t AttentionPieces::capacity(std::size_t num_items, std::size_t num_lists) const {
  return num_items * size(num_kv_heads_) + num_lists * size(num_processors_);
}

std::int32_t AttentionPieces::num_blocks(std::size_t num_items) const {
  return static_cast<std::int32_t>(std::min(num_items * size(num_kv_heads_), size(num_processors_)));
}

std::int32_t AttentionPieces::deal(std::span<const AttentionItem> items, std::int32_t first_item,
                                   std::int32_t* pieces) {
  if (items.empty()) return 0;
  const std::int32_t blocks = num_blocks(items.size());
  const auto num_pieces = static_cast<std::int32_t>(items.size()) * num_kv_heads_;
  const std::int32_t turns = (num_pieces + blocks - 1) / blocks;
  std::fill_n(pieces, turns * blocks, kNoAttentionPiece);

  by_size_.resize(items.size());
  std::iota(by_size_.begin(), by_size_.end(), 0);
  const auto end = [&](std::int32_t i) { return items[size(i)].num_keys; };
  std::ranges::sort(
      by_size_, [&](std::int32_t a, std::int32_t b) { return end(a) != end(b) ? end(a) > end(b) : a < b; });
  ranks_.resize(items.size());
  for (std::size_t rank = 0; rank < by_size_.size(); ++rank) {
    ranks_[size(by_size_[rank])] = static_cast<std::int32_t>(rank);
  }

  counts_.assign(size(blocks), 0);
  for (std::size_t i = items.size(); i-- > 0;) {
    for (std::int32_t head = 0; head < num_kv_heads_; ++head) {
      const std::int32_t at = ranks_[i] * num_kv_heads_ + head, column = at % blocks;
      const std::int32_t block = at / blocks % 2 == 0 ? column : blocks - 1 - column;
      pieces[counts_[size(block)]++ * blocks + block] =
          attention_piece(first_item + static_cast<std::int32_t>(i), head);
    }
  }
  return turns;
}

}  // namespace rerank::cuda
