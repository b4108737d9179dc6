// The allocator compared with a plain array of owners.
#include "engine/schedule/slot_allocator.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <utility>
#include <vector>

namespace rerank {
namespace {

TEST(SlotAllocator, FirstFit) {
  SlotAllocator slots(10);
  EXPECT_EQ(slots.allocate(4), 0);
  EXPECT_EQ(slots.allocate(4), 4);
  EXPECT_EQ(slots.allocate(3), std::nullopt);
  EXPECT_EQ(slots.allocate(2), 8);
  slots.free(0, 4);
  EXPECT_EQ(slots.allocate(1), 0);
  EXPECT_EQ(slots.allocate(3), 1);
  EXPECT_EQ(slots.allocate(1), std::nullopt);
}

TEST(SlotAllocator, JoinsNeighbours) {
  SlotAllocator slots(9);
  for (int i = 0; i < 3; ++i) slots.allocate(3);
  slots.free(0, 3);
  slots.free(6, 3);
  EXPECT_EQ(slots.allocate(6), std::nullopt);
  slots.free(3, 3);
  EXPECT_EQ(slots.allocate(9), 0);
}

TEST(SlotAllocator, OfNothing) {
  SlotAllocator slots(0);
  EXPECT_EQ(slots.allocate(1), std::nullopt);
}

TEST(SlotAllocator, RandomAgainstAnArray) {
  std::mt19937 random(1);
  constexpr std::int32_t kSlots = 50;
  SlotAllocator slots(kSlots);
  std::vector<bool> used(kSlots);
  std::vector<std::pair<std::int32_t, std::int32_t>> live;
  // The first run of free slots that is long enough, or -1.
  const auto first_fit = [&](std::int32_t count) {
    for (std::int32_t first = 0; first + count <= kSlots; ++first) {
      if (std::none_of(used.begin() + first, used.begin() + first + count, [](bool b) { return b; }))
        return first;
    }
    return -1;
  };
  for (int step = 0; step < 20000; ++step) {
    if (random() % 2 == 0 || live.empty()) {
      const auto count = static_cast<std::int32_t>(1 + random() % 12);
      ASSERT_EQ(slots.allocate(count).value_or(-1), first_fit(count)) << "step " << step;
      const std::int32_t first = first_fit(count);
      if (first < 0) continue;
      std::fill_n(used.begin() + first, count, true);
      live.emplace_back(first, count);
    } else {
      std::swap(live[random() % live.size()], live.back());
      const auto [first, count] = live.back();
      live.pop_back();
      slots.free(first, count);
      std::fill_n(used.begin() + first, count, false);
    }
  }
}

}  // namespace
}  // namespace rerank
