// Sums over ranks whose buffers are all on one GPU, compared with the host's bit by bit.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "backend/cuda/collective/rank_sum.h"
#include "backend/cuda/collective/rank_sum_fixture.h"
#include "backend/cuda/hopper/products_fixture.h"
#include "backend/cuda/rows/kernels.h"

namespace rerank::cuda {
namespace {

class OneDevice final : public RankGroup {
 public:
  OneDevice(const SumLayout& layout, const RankProducts& products) : layout_(layout) {
    for (std::size_t rank = 0; rank < products.ranks.size(); ++rank) {
      Numbers numbers(size(layout.size()), BFloat16{0x7fc1});  // unwritten values must not matter
      std::ranges::copy(products.ranks[rank], numbers.begin());
      buffers_.push_back(on_device(numbers));
    }
  }

  void add_both(std::int64_t) override { FAIL() << "is NCCL's, between two devices"; }
  void exchange(std::int64_t run, std::int64_t to) override {
    for (std::int64_t from = 0; from < num(); ++from) {
      for (std::int64_t receiver = 0; receiver < num(); ++receiver) {
        move(buffer(from) + receiver * run, buffer(receiver) + to + from * run, run);
      }
    }
  }
  void add(std::int64_t run, std::int64_t parts) override {
    for (std::int64_t rank = 0; rank < num(); ++rank) {
      launch_sum(buffer(rank) + parts, layout_.num_ranks(), buffer(rank) + rank * run, run, nullptr);
    }
  }
  void gather(std::int64_t run) override {
    for (std::int64_t from = 0; from < num(); ++from) {
      for (std::int64_t to = 0; to < num(); ++to) {
        if (to != from) move(buffer(from) + from * run, buffer(to) + from * run, run);
      }
    }
  }

  // The sums of `rows` rows, starting at row `first`.
  Numbers sums(std::int64_t rank, std::int64_t first, std::int64_t rows, std::int64_t hidden) const {
    Numbers found(size(rows * hidden));
    RERANK_CUDA_CHECK(
        cudaMemcpy(found.data(), buffer(rank) + first * hidden, 2 * found.size(), cudaMemcpyDeviceToHost));
    return found;
  }

 private:
  std::int64_t num() const { return layout_.num_ranks(); }
  DeviceBFloat16* buffer(std::int64_t rank) const { return buffers_[size(rank)].as<DeviceBFloat16>(); }
  static void move(const DeviceBFloat16* from, DeviceBFloat16* to, std::int64_t count) {
    RERANK_CUDA_CHECK(cudaMemcpyAsync(to, from, 2 * size(count), cudaMemcpyDeviceToDevice, nullptr));
  }

  SumLayout layout_;
  std::vector<DeviceBuffer> buffers_;
};

TEST(RankSumOnADevice, IsThatOfTheHost) {
  if (hopper_processors() == 0) GTEST_SKIP() << "no suitable GPU";
  for (const std::int32_t hidden : {80, 1024, 4096}) {
    for (const std::int32_t num_ranks : {3, 4, 8}) {
      for (const std::int32_t num_rows : {1, 9, 300, 1031}) {
        const RankProducts products(num_ranks, num_rows, hidden, static_cast<std::uint32_t>(num_rows));
        const Numbers wanted = products.sum();
        const SumLayout layout(num_ranks, num_rows, hidden);
        OneDevice ranks(layout, products);
        sum_over_ranks(layout, ranks);
        for (std::int32_t rank = 0; rank < num_ranks; ++rank) {
          EXPECT_EQ(count_different(ranks.sums(rank, 0, num_rows, hidden), wanted), 0u)
              << rank << " of " << num_ranks << ", " << num_rows << " rows of " << hidden;
        }
      }
    }
  }
}

// The same row at random positions of batches of random sizes.
TEST(RankSumOnADevice, OfARowDoesNotDependOnItsPlaceOrTheBatch) {
  if (hopper_processors() == 0) GTEST_SKIP() << "no suitable GPU";
  constexpr std::int32_t kHidden = 1024;
  std::mt19937 random(1);
  for (const std::int32_t num_ranks : {3, 4, 8}) {
    const RankProducts alone(num_ranks, 1, kHidden, 99);
    const Numbers wanted = alone.sum();
    for (int round = 0; round < 10; ++round) {
      const auto num_rows = static_cast<std::int32_t>(1 + random() % 500);
      const auto place = static_cast<std::int32_t>(random() % static_cast<unsigned>(num_rows));
      RankProducts batch(num_ranks, num_rows, kHidden, static_cast<std::uint32_t>(round));
      batch.copy_row(alone, 0, place);
      const SumLayout layout(num_ranks, num_rows, kHidden);
      OneDevice ranks(layout, batch);
      sum_over_ranks(layout, ranks);
      const Numbers found = ranks.sums(0, place, 1, kHidden);
      EXPECT_EQ(count_different(found, wanted), 0u) << place << " of " << num_rows << ", " << num_ranks;
    }
  }
}

}  // namespace
}  // namespace rerank::cuda
