// The prefix cache: what is found, what is evicted and when, and that no two parts share a slot.
#include "engine/schedule/prefix_cache.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <vector>

namespace rerank {
namespace {

using Ids = std::vector<std::int32_t>;

TEST(PrefixCache, FindsAPartOnlyBehindItsParentAndOfItsOwner) {
  PrefixCache cache(100, 100);
  const auto* a = cache.insert(nullptr, 0, Ids{1, 2}, 1);
  const auto* b = cache.insert(a, 0, Ids{3}, 1);
  EXPECT_EQ(cache.find(nullptr, 0, Ids{1, 2}), a);
  EXPECT_EQ(cache.find(a, 0, Ids{3}), b);
  EXPECT_EQ(cache.find(nullptr, 0, Ids{3}), nullptr);
  EXPECT_EQ(cache.find(a, 7, Ids{3}), nullptr);
  EXPECT_EQ(cache.find(nullptr, 0, Ids{1}), nullptr);
  EXPECT_EQ(cache.find(nullptr, 0, Ids{1, 2, 3}), nullptr);
  EXPECT_EQ(a->first_position, 0);
  EXPECT_EQ(b->first_position, 2);
  EXPECT_EQ(cache.num_tokens(), 3);
}

TEST(PrefixCache, GivesThePlaceOfThePartsUsedLongestAgo) {
  PrefixCache cache(6, 6);
  cache.insert(nullptr, 0, Ids{1, 1}, 1);
  cache.insert(nullptr, 0, Ids{2, 2}, 2);
  cache.insert(nullptr, 0, Ids{3, 3}, 3);
  cache.use(cache.find(nullptr, 0, Ids{1, 1}), 4);
  EXPECT_NE(cache.insert(nullptr, 0, Ids{4, 4}, 5), nullptr);
  EXPECT_EQ(cache.find(nullptr, 0, Ids{2, 2}), nullptr);
  EXPECT_NE(cache.find(nullptr, 0, Ids{1, 1}), nullptr);
  EXPECT_NE(cache.find(nullptr, 0, Ids{3, 3}), nullptr);
}

TEST(PrefixCache, KeepsWhatTheOpenBatchUses) {
  PrefixCache cache(6, 0);
  const auto* parent = cache.insert(nullptr, 0, Ids{1, 1, 1}, 1);
  cache.insert(parent, 0, Ids{2}, 1);
  EXPECT_EQ(cache.insert(nullptr, 0, Ids{3, 3, 3}, 1), nullptr);
  cache.trim(1);
  EXPECT_EQ(cache.num_tokens(), 4);
  // The next batch uses the parent through its child, so neither is evicted.
  cache.use(cache.find(parent, 0, Ids{2}), 2);
  EXPECT_EQ(cache.insert(nullptr, 0, Ids{3, 3, 3}, 2), nullptr);
  EXPECT_NE(cache.insert(nullptr, 0, Ids{3, 3, 3, 3}, 3), nullptr);
  EXPECT_EQ(cache.find(nullptr, 0, Ids{1, 1, 1}), nullptr);
}

TEST(PrefixCache, AParentOutlivesItsChildren) {
  PrefixCache cache(4, 4);
  const auto* parent = cache.insert(nullptr, 0, Ids{1}, 1);
  cache.insert(parent, 0, Ids{2}, 1);
  cache.insert(parent, 0, Ids{3}, 1);
  cache.use(cache.find(parent, 0, Ids{3}), 2);
  // The parent is the least recently used, but its children are evicted first.
  EXPECT_NE(cache.insert(nullptr, 0, Ids{4, 4}, 3), nullptr);
  EXPECT_EQ(cache.find(parent, 0, Ids{2}), nullptr);
}

TEST(PrefixCache, TrimsToWhatMayStayIdle) {
  PrefixCache cache(100, 5);
  for (std::int32_t i = 0; i < 10; ++i)
    cache.insert(nullptr, 0, Ids{i, i}, static_cast<std::uint64_t>(i + 1));
  EXPECT_EQ(cache.num_tokens(), 20);
  cache.trim(11);
  EXPECT_EQ(cache.num_tokens(), 4);
  EXPECT_NE(cache.find(nullptr, 0, Ids{9, 9}), nullptr);
  EXPECT_NE(cache.find(nullptr, 0, Ids{8, 8}), nullptr);
  EXPECT_EQ(cache.find(nullptr, 0, Ids{7, 7}), nullptr);
}

TEST(PrefixCache, KeepsWhatIsHeld) {
  PrefixCache cache(10, 0);
  const PrefixCache::Part* parent = cache.insert(nullptr, 0, Ids{1, 1}, 1);
  const PrefixCache::Part* part = cache.insert(parent, 0, Ids{2, 2, 2, 2}, 1);
  cache.hold(part);
  EXPECT_EQ(cache.num_held_tokens(), 6);
  cache.trim(2);
  EXPECT_EQ(cache.insert(nullptr, 0, Ids{3, 3, 3, 3, 3}, 2), nullptr);
  EXPECT_EQ(cache.find(parent, 0, Ids{2, 2, 2, 2}), part);
  cache.let_go(part);
  EXPECT_EQ(cache.num_held_tokens(), 0);
  EXPECT_NE(cache.insert(nullptr, 0, Ids{3, 3, 3, 3, 3}, 2), nullptr);
}

TEST(PrefixCache, FindsNothingHalfMade) {
  PrefixCache cache(10, 10);
  const PrefixCache::Part* part = cache.insert(nullptr, 0, Ids{1, 2, 3}, 1);
  cache.set_complete(part, false);
  EXPECT_EQ(cache.find(nullptr, 0, Ids{1, 2, 3}), nullptr);
  cache.set_complete(part, true);
  EXPECT_EQ(cache.find(nullptr, 0, Ids{1, 2, 3}), part);
}

// After any operation, live parts share no slot, positions are consistent, and everything the open batch used
// can still be found.
TEST(PrefixCache, RandomOperations) {
  std::mt19937 random(5);
  for (int round = 0; round < 50; ++round) {
    constexpr std::int32_t kSlots = 40;
    PrefixCache cache(kSlots, static_cast<std::int32_t>(random() % 30));
    struct Used {
      const PrefixCache::Part* part;
      Ids ids;
    };
    std::vector<Used> used;  // by the open batch
    std::uint64_t batch = 1;
    for (int step = 0; step < 300; ++step) {
      if (random() % 8 == 0) {
        ++batch;
        used.clear();
        cache.trim(batch);
      }
      const PrefixCache::Part* parent =
          used.empty() || random() % 2 == 0 ? nullptr : used[random() % used.size()].part;
      const Ids ids(1 + random() % 9, static_cast<std::int32_t>(random() % 3));
      const PrefixCache::Part* part = cache.find(parent, 0, ids);
      if (part != nullptr) {
        cache.use(part, batch);
      } else {
        part = cache.insert(parent, 0, ids, batch);
      }
      if (part == nullptr) continue;
      used.push_back({part, ids});
      std::map<std::int32_t, const PrefixCache::Part*> owner;
      for (const Used& u : used) {
        ASSERT_EQ(cache.find(u.part->parent, 0, u.ids), u.part);
        const PrefixCache::Part* before = u.part->parent;
        ASSERT_EQ(u.part->first_position,
                  before == nullptr ? 0 : before->first_position + before->num_tokens());
        ASSERT_GE(u.part->slot, 0);
        ASSERT_LE(u.part->slot + u.part->num_tokens(), kSlots);
        for (std::int32_t i = 0; i < u.part->num_tokens(); ++i) {
          const auto found = owner.emplace(u.part->slot + i, u.part).first;
          ASSERT_EQ(found->second, u.part) << "two parts share slot " << u.part->slot + i;
        }
      }
      ASSERT_LE(cache.num_tokens(), kSlots);
    }
  }
}

}  // namespace
}  // namespace rerank
