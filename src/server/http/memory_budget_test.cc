#include "server/http/memory_budget.h"

#include <gtest/gtest.h>

#include <thread>
#include <utility>
#include <vector>

namespace rerank {
namespace {

constexpr std::size_t kSmall = MemoryBudget::kSmallChargeBytes;

TEST(MemoryBudgetTest, ChargesCountUntilTheyEnd) {
  MemoryBudget budget(1'000'000);
  {
    MemoryCharge charge(budget);
    EXPECT_TRUE(charge.resize(300'000));
    EXPECT_TRUE(charge.add(100'000));
    EXPECT_EQ(budget.used_bytes(), 400'000);
    MemoryCharge moved = std::move(charge);
    EXPECT_EQ(moved.bytes(), 400'000u);
    EXPECT_EQ(budget.used_bytes(), 400'000);
    EXPECT_TRUE(moved.resize(1));
    EXPECT_EQ(budget.used_bytes(), 1);
  }
  EXPECT_EQ(budget.used_bytes(), 0);
}

TEST(MemoryBudgetTest, RefusesWhatDoesNotFitAndKeepsWhatStood) {
  MemoryBudget budget(1'000'000);
  MemoryCharge first(budget), second(budget);
  EXPECT_TRUE(first.resize(900'000));
  EXPECT_FALSE(second.resize(200'000));
  EXPECT_EQ(second.bytes(), 0u);
  EXPECT_EQ(budget.used_bytes(), 900'000);
  first.clear();
  EXPECT_TRUE(second.resize(1'000'000));
}

TEST(MemoryBudgetTest, LargeChargesDoNotLockOutSmallOnes) {
  MemoryBudget budget(1'000'000);
  MemoryCharge large(budget), small(budget), late(budget), another(budget);
  EXPECT_TRUE(large.resize(1'000'000));
  EXPECT_TRUE(small.resize(kSmall));
  EXPECT_FALSE(late.resize(kSmall + 1));
  EXPECT_FALSE(another.resize(kSmall)) << "the reserve has an end";
}

TEST(MemoryBudgetTest, AChargeOfNoBudgetTakesAnything) {
  MemoryCharge charge;
  EXPECT_TRUE(charge.resize(std::size_t{1} << 40));
  MemoryBudget budget(10);
  charge = MemoryCharge(budget);
  EXPECT_FALSE(charge.resize(std::size_t{1} << 40));
}

TEST(MemoryBudgetTest, ThreadsNeverTakeMoreThanThereIs) {
  MemoryBudget budget(400'000);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&budget] {
      for (int i = 0; i < 10'000; ++i) {
        MemoryCharge charge(budget);
        if (charge.resize(150'000)) {
          EXPECT_LE(budget.used_bytes(), budget.limit_bytes());
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(budget.used_bytes(), 0);
}

}  // namespace
}  // namespace rerank
