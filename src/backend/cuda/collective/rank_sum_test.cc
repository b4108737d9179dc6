// Needs no GPU: ranks on the host do what devices do.
#include "backend/cuda/collective/rank_sum.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <span>

#include "backend/cuda/collective/rank_sum_fixture.h"

namespace rerank::cuda {
namespace {

// Unwritten values must not matter.
constexpr std::uint16_t kNotANumber = 0x7fc1;

class HostRanks final : public RankGroup {
 public:
  HostRanks(const SumLayout& layout, const RankProducts& products)
      : buffers_(products.ranks.size(), Numbers(size(layout.size()), BFloat16{kNotANumber})) {
    for (std::size_t rank = 0; rank < buffers_.size(); ++rank) {
      std::ranges::copy(products.ranks[rank], buffers_[rank].begin());
    }
  }

  void add_both(std::int64_t count) override {
    ASSERT_EQ(buffers_.size(), 2u);
    const std::vector<Numbers> before = buffers_;
    for (std::size_t rank = 0; rank < 2; ++rank) {  // starting with its own
      for (std::size_t i = 0; i < size(count); ++i) {
        buffers_[rank][i] = to_bfloat16(to_float(before[rank][i]) + to_float(before[1 - rank][i]));
      }
    }
  }
  void exchange(std::int64_t run, std::int64_t to) override {
    for (std::size_t from = 0; from < buffers_.size(); ++from) {
      for (std::size_t receiver = 0; receiver < buffers_.size(); ++receiver) {
        move(from, at(receiver) * run, receiver, to + at(from) * run, run);
      }
    }
  }
  void add(std::int64_t run, std::int64_t parts) override {
    for (std::size_t rank = 0; rank < buffers_.size(); ++rank) {
      const Numbers sums = sum_of(buffers_[rank], parts, run);
      std::ranges::copy(sums, buffers_[rank].begin() + at(rank) * run);
    }
  }
  void gather(std::int64_t run) override {
    for (std::size_t from = 0; from < buffers_.size(); ++from) {
      for (std::size_t to = 0; to < buffers_.size(); ++to)
        move(from, at(from) * run, to, at(from) * run, run);
    }
  }

  Numbers result(std::size_t rank, std::size_t count) const {
    return {buffers_[rank].begin(), buffers_[rank].begin() + at(count)};
  }

 private:
  static std::int64_t at(std::size_t rank) { return static_cast<std::int64_t>(rank); }

  void move(std::size_t from, std::int64_t from_at, std::size_t to, std::int64_t to_at, std::int64_t count) {
    const auto source = std::span(buffers_[from]).subspan(size(from_at), size(count));
    std::copy(source.begin(), source.end(),
              std::span(buffers_[to]).subspan(size(to_at), size(count)).begin());
  }
  Numbers sum_of(const Numbers& buffer, std::int64_t first, std::int64_t run) const {
    Numbers sums(size(run));
    for (std::int64_t i = 0; i < run; ++i) {
      float sum = to_float(buffer[size(first + i)]);
      for (std::int64_t part = 1; part < at(buffers_.size()); ++part)
        sum += to_float(buffer[size(first + part * run + i)]);
      sums[size(i)] = to_bfloat16(sum);
    }
    return sums;
  }

  std::vector<Numbers> buffers_;
};

Numbers summed(const RankProducts& products, std::size_t rank) {
  const auto num_ranks = static_cast<std::int32_t>(products.ranks.size());
  const SumLayout layout(num_ranks, products.num_rows, products.hidden);
  HostRanks ranks(layout, products);
  sum_over_ranks(layout, ranks);
  return ranks.result(rank, products.ranks.front().size());
}

TEST(RankSum, IsInTheOrderOfRanksOnEachOfThem) {
  for (const std::int32_t num_ranks : {2, 3, 4, 5, 8}) {
    for (const std::int32_t num_rows : {1, 2, 7, 8, 9, 31, 64, 77}) {
      const RankProducts products(num_ranks, num_rows, 48, static_cast<std::uint32_t>(num_rows));
      for (std::size_t rank = 0; rank < size(num_ranks); ++rank) {
        ASSERT_EQ(count_different(summed(products, rank), products.sum()), 0u)
            << "rank " << rank << " of " << num_ranks << ", " << num_rows << " rows";
      }
    }
  }
}

// A ring starts at a different rank for each part of a message and rounds at each step: with two ranks the
// sums are the same, with more they are not.
TEST(RankSum, WouldBeAnotherInAnotherOrder) {
  const RankProducts two(2, 64, 48, 1);
  EXPECT_EQ(count_different(two.sum(), two.ring_sum(0)), 0u);
  EXPECT_EQ(count_different(two.sum(), two.ring_sum(1)), 0u);
  for (const std::int32_t num_ranks : {4, 8}) {
    const RankProducts products(num_ranks, 64, 48, 1);
    EXPECT_GT(count_different(products.ring_sum(0), products.ring_sum(1)), 1000u);
    EXPECT_GT(count_different(products.sum(), products.sum(1)), 100u);
  }
}

TEST(RankSum, OfARowDoesNotDependOnItsPlaceOrTheBatch) {
  std::mt19937 random(1);
  for (const std::int32_t num_ranks : {2, 4, 8}) {
    const RankProducts alone(num_ranks, 1, 48, 99);
    const Numbers wanted = summed(alone, 0);
    for (int round = 0; round < 50; ++round) {
      const auto num_rows = static_cast<std::int32_t>(1 + random() % 200);
      const auto place = static_cast<std::int32_t>(random() % static_cast<unsigned>(num_rows));
      RankProducts batch(num_ranks, num_rows, 48, static_cast<std::uint32_t>(round));
      batch.copy_row(alone, 0, place);
      const Numbers found = summed(batch, random() % size(num_ranks));
      const auto begin = found.begin() + std::int64_t{place} * 48;
      ASSERT_EQ(count_different(wanted, Numbers(begin, begin + 48)), 0u);
    }
  }
}

TEST(RankSum, MovesWholeLinesAndNoMoreThanItMust) {
  for (const std::int32_t num_ranks : {1, 2, 3, 4, 8}) {
    std::int64_t before = 0;
    for (std::int32_t num_rows = 0; num_rows < 300; ++num_rows) {
      const SumLayout layout(num_ranks, num_rows, 16);
      EXPECT_GE(layout.size(), before);
      before = layout.size();
      if (!layout.has_shares()) {
        EXPECT_EQ(layout.run(), num_rows * 16);
        EXPECT_EQ(layout.size(), num_rows * 16);
        continue;
      }
      EXPECT_EQ(layout.run() % 128, 0);
      EXPECT_GE(layout.parts(), num_rows * 16);
      EXPECT_LE(layout.run(), num_rows * 16 / num_ranks + 128);
    }
  }
  const SumLayout large(8, 1 << 30, 8192);
  EXPECT_EQ(large.size(), 2 * (std::int64_t{1} << 43));
}

}  // namespace
}  // namespace rerank::cuda
