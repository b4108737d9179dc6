// Needs no GPU.
#include "backend/cuda/attention_pieces.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>
#include <vector>

namespace rerank::cuda {
namespace {

std::vector<AttentionItem> random_items(std::mt19937& random, std::size_t count) {
  std::vector<AttentionItem> items(count);
  std::int32_t row = 0;
  for (AttentionItem& item : items) {
    item.num_tokens = static_cast<std::int32_t>(1 + random() % 64);
    item.position = static_cast<std::int32_t>(random() % 900);
    item.num_keys = item.position + item.num_tokens;
    item.first_row = row;
    row += item.num_tokens;
  }
  return items;
}

TEST(AttentionPieces, EachPieceIsOfOneBlockAndBlocksHaveAboutTheSameToDo) {
  std::mt19937 random(1);
  for (int i = 0; i < 200; ++i) {
    const auto kv_heads = static_cast<std::int32_t>(1 + random() % 9),
               processors = static_cast<std::int32_t>(1 + random() % 140);
    const std::int32_t first_item = i % 2 == 0 ? 0 : 77;
    const std::vector<AttentionItem> items = random_items(random, 1 + random() % 300);
    AttentionPieces dealer(kv_heads, processors, items.size());
    std::vector<std::int32_t> pieces(dealer.capacity(items.size(), 1), 12345);
    const std::int32_t turns = dealer.deal(items, first_item, pieces.data());
    const std::int32_t blocks = dealer.num_blocks(items.size());
    ASSERT_LE(blocks, processors);

    std::set<std::int32_t> seen;
    std::vector<std::int32_t> work(static_cast<std::size_t>(blocks));
    std::int32_t most = 0;
    for (std::int32_t block = 0; block < blocks; ++block) {
      std::int32_t before = first_item + static_cast<std::int32_t>(items.size());
      for (std::int32_t turn = 0; turn < turns; ++turn) {
        const std::int32_t piece = pieces[static_cast<std::size_t>(turn * blocks + block)];
        if (piece == kNoAttentionPiece) {
          ASSERT_EQ(turn, turns - 1);
          continue;
        }
        ASSERT_TRUE(seen.insert(piece).second);
        ASSERT_LT(kv_head_of_piece(piece), kv_heads);
        ASSERT_LE(item_of_piece(piece), before);  // from the last item on
        before = item_of_piece(piece);
        const AttentionItem& item = items.at(static_cast<std::size_t>(before - first_item));
        work[static_cast<std::size_t>(block)] += item.position + item.num_tokens;
        most = std::max(most, item.position + item.num_tokens);
      }
    }
    ASSERT_EQ(seen.size(), items.size() * static_cast<std::size_t>(kv_heads));
    const auto [least, largest] = std::ranges::minmax(work);
    ASSERT_LE(largest - least, most);
  }
}

TEST(AttentionPieces, NoItemsAreNoTurns) {
  AttentionPieces dealer(8, 132, 4);
  std::vector<std::int32_t> pieces(dealer.capacity(0, 1));
  EXPECT_EQ(dealer.deal({}, 0, pieces.data()), 0);
  EXPECT_EQ(dealer.num_blocks(0), 0);
}

}  // namespace
}  // namespace rerank::cuda
