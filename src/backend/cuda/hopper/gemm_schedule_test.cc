// Needs no GPU.
#include "backend/cuda/hopper/gemm_schedule.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <utility>

namespace rerank::cuda {
namespace {

constexpr std::int32_t kPartsOfPair = kGemmPairRows / kGemmPartRows;

GemmSchedule schedule_of(const FusedGemmArguments& a, std::int32_t output_tiles) {
  return gemm_schedule(a, output_tiles, false);
}

// Calls use(tiles of a block, its index in the cluster) for each tile of each block.
template <typename Use>
void for_each_tile(const FusedGemmArguments& a, const GemmSchedule& schedule, const Use& use) {
  const std::int32_t clusters = std::min(schedule.num_turns(), num_gemm_clusters(a));
  for (std::int32_t cluster = 0; cluster < clusters; ++cluster) {
    for (std::int32_t block = 0; block < kGemmCluster; ++block) {
      GemmTiles tiles(a.num_rows, schedule, clusters, cluster, block);
      ASSERT_FALSE(tiles.has_ended());
      for (;; tiles.advance()) {
        use(tiles);
        if (tiles.is_last()) break;
      }
      tiles.advance();
      ASSERT_TRUE(tiles.has_ended());
    }
  }
}

TEST(GemmScheduleTest, EachResultIsOfOneMultiplier) {
  std::mt19937 random(1);
  const auto up_to = [&](unsigned end) { return static_cast<std::int32_t>(1 + random() % end); };
  for (int i = 0; i < 400; ++i) {
    FusedGemmArguments a{.num_rows = up_to(i % 2 == 0 ? 9000 : 700),
                         .inputs = 64 * up_to(160),
                         .num_processors = 2 * up_to(66)};
    if (i % 3 != 0) a.before.end = {up_to(66) % num_gemm_clusters(a), static_cast<float>(up_to(12288))};
    const std::int32_t output_tiles = up_to(80);
    const GemmSchedule schedule = schedule_of(a, output_tiles);
    std::map<std::pair<std::int32_t, std::int32_t>, int> times;  // by the part's rows and output tile
    for_each_tile(a, schedule, [&](const GemmTiles& tiles) {
      ASSERT_EQ(tiles.row() % kGemmPartRows, 0);
      ASSERT_LT(tiles.tile(), output_tiles);
      for (std::int32_t part = 0; part < tiles.parts(); ++part) {
        const std::int32_t row = tiles.row() + part * kGemmPartRows;
        if (row < a.num_rows) ++times[{row / kGemmPartRows, tiles.tile()}];
      }
    });
    const std::int32_t parts = (a.num_rows + kGemmPartRows - 1) / kGemmPartRows;
    ASSERT_EQ(times.size(), static_cast<std::size_t>(parts * output_tiles)) << a.num_rows;
    for (const auto& [place, count] : times) {
      ASSERT_EQ(count, 1) << "rows from " << place.first * kGemmPartRows << " of " << a.num_rows
                          << ", output tile " << place.second << " of " << output_tiles;
    }
  }
}

// 4,365 rows are 17 pairs of row tiles and 13 rows, on 66 clusters.
TEST(GemmScheduleTest, EarlyClustersHaveTilesAhead) {
  FusedGemmArguments down{.num_rows = 4365, .inputs = 9728, .num_processors = 132};
  const GemmSchedule before = schedule_of(down, 10);
  EXPECT_EQ(before.num_tiles, 175);  // 43 clusters in the third round
  FusedGemmArguments next{.num_rows = 4365, .inputs = 2560, .num_processors = 132};
  next.before.end = before.end(down);
  EXPECT_EQ(next.before.end.num_early, 23);
  const GemmSchedule schedule = schedule_of(next, 24);
  EXPECT_EQ(schedule.num_tiles, 420);  // 6.4 rounds; the early clusters could compute 3.8 more
  EXPECT_EQ(schedule.num_early, 23);
  EXPECT_EQ(schedule.num_ahead, 3);
  EXPECT_EQ(schedule.num_halves, 0);
  EXPECT_EQ(schedule.end(next).num_early, 0);
}

TEST(GemmScheduleTest, FewRowsAreApartAfterAFirstRound) {
  const FusedGemmArguments many{.num_rows = 4365, .inputs = 2560, .num_processors = 132};
  EXPECT_TRUE(schedule_of(many, 24).last_is_apart);
  const FusedGemmArguments few{.num_rows = 20, .inputs = 2560, .num_processors = 132};
  EXPECT_FALSE(schedule_of(few, 24).last_is_apart);
  EXPECT_EQ(schedule_of(few, 24).num_turns(), 24);
  const FusedGemmArguments more{.num_rows = 4352 + 65, .inputs = 2560, .num_processors = 132};
  EXPECT_FALSE(schedule_of(more, 24).last_is_apart);
}

// The rows count as the next product expects it.
TEST(GemmScheduleTest, RowsApartAreCounted) {
  const FusedGemmArguments a{.num_rows = 4352 + kGemmPartRows, .inputs = 1024, .num_processors = 132};
  constexpr std::int32_t kOutputTiles = 5;
  std::int32_t parts = 0;
  for_each_tile(a, schedule_of(a, kOutputTiles), [&](const GemmTiles& tiles) {
    if (tiles.row() / kGemmPairRows < 17 || tiles.row() >= a.num_rows) return;
    ASSERT_TRUE(tiles.is_apart());
    parts += kGemmCluster * tiles.parts();
  });
  EXPECT_EQ(parts, kOutputTiles * kPartsOfPair / 2);
}

}  // namespace
}  // namespace rerank::cuda
