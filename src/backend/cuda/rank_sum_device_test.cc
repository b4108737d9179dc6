// Sums over ranks whose buffers are all on one GPU, held against the host's, bit by bit.
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "backend/cuda/kernels.h"
#include "backend/cuda/products_fixture.h"
#include "backend/cuda/rank_sum.h"
#include "backend/cuda/rank_sum_fixture.h"

namespace rerank::cuda {
namespace {

class OneDevice final : public RankGroup {
 public:
  OneDevice(const SumLayout& layout, const RankProducts& products) : layout_(layout) {
    for (std::size_t rank = 0; rank < products.ranks.size(); ++rank) {
      Numbers numbers(size(layout.size()), BFloat16{0x7fc1});  // what is nowhere written must not count
      std::ranges::copy(products.ranks[rank],
                        numbers.begin() + layout.product(static_cast<std::int32_t>(rank)));
      buffers_.push_back(on_device(numbers));
    }
  }

  void gather(std::int64_t run) override {
    for (std::int64_t from = 0; from < num(); ++from) {
      for (std::int64_t to = 0; to < num(); ++to) {
        if (to != from) move(buffer(from) + from * run, buffer(to) + from * run, run);
      }
    }
  }
  void exchange(std::int64_t run, std::int64_t to) override {
    for (std::int64_t from = 0; from < num(); ++from) {
      for (std::int64_t receiver = 0; receiver < num(); ++receiver) {
        move(buffer(from) + receiver * run, buffer(receiver) + to + from * run, run);
      }
    }
  }
  void add(std::int64_t run, std::int64_t parts) override {
    for (std::int64_t rank = 0; rank < num(); ++rank) {
      launch_sum({.first = buffer(rank) + parts, .stride = run, .count = layout_.num_ranks()},
                 buffer(rank) + rank * run, run, nullptr);
    }
  }

  AddedParts added(std::int64_t rank) const {
    return {.first = buffer(rank), .stride = layout_.run(), .count = layout_.num_left()};
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

// A residual with numbers in it, and what kernels leave of it.
struct DeviceResidual {
  std::int64_t num_rows;
  DeviceBuffer high, low, squares;
  Residual rows;

  DeviceResidual(std::int32_t num_rows_, std::int32_t hidden) : num_rows(num_rows_) {
    const RankProducts numbers(1, num_rows_, hidden, 7);
    high = on_device(numbers.ranks.front());
    low = DeviceBuffer::zeros(size(num_rows * hidden));
    squares = DeviceBuffer::zeros(size(4 * num_rows * num_square_parts(hidden)));
    rows = {high.as<DeviceBFloat16>(), low.as<std::int8_t>(), squares.as<float>(), hidden};
  }
  std::string bits() const { return bits_of(high) + bits_of(low) + bits_of(squares); }

  static std::string bits_of(const DeviceBuffer& buffer) {
    std::string bits(buffer.size_bytes(), '\0');
    RERANK_CUDA_CHECK(cudaMemcpy(bits.data(), buffer.as<void>(), bits.size(), cudaMemcpyDeviceToHost));
    return bits;
  }
};

// What launch_norm_quantized makes of a residual with something added: the residual's bits and the results'.
std::string norm_of(const AddedParts& added, NumberType type, std::int32_t num_rows, std::int32_t hidden) {
  DeviceResidual x(num_rows, hidden);
  const DeviceBuffer values = DeviceBuffer::zeros(size(std::int64_t{num_rows} * hidden));
  const DeviceBuffer scales = DeviceBuffer::zeros(4 * size(num_rows));
  launch_norm_quantized({.x = x.rows,
                         .added = added,
                         .out = {type, values.as<std::uint8_t>(), scales.as<float>()},
                         .num_rows = num_rows,
                         .eps = kEps},
                        nullptr);
  return x.bits() + DeviceResidual::bits_of(values) + DeviceResidual::bits_of(scales);
}

std::string sum_with(const AddedParts& added, std::int32_t num_rows, std::int32_t hidden) {
  DeviceResidual x(num_rows, hidden);
  launch_add(added, x.rows, num_rows, nullptr);
  return x.bits();
}

TEST(RankSumOnADevice, IsThatOfTheHostAddedAtOnce) {
  if (hopper_processors() == 0) GTEST_SKIP() << "no GPU that will do";
  for (const std::int32_t hidden : {80, 1024, 4096}) {
    for (const std::int32_t num_ranks : {2, 4, 8}) {
      for (const std::int32_t num_rows : {1, 9, 300, 1031}) {
        const RankProducts products(num_ranks, num_rows, hidden, static_cast<std::uint32_t>(num_rows));
        const DeviceBuffer sums = on_device(products.sum());
        const AddedParts wanted{.first = sums.as<DeviceBFloat16>()};
        const SumLayout layout(num_ranks, num_rows, hidden);
        OneDevice ranks(layout, products);
        sum_over_ranks(layout, ranks);
        const std::string sum = sum_with(wanted, num_rows, hidden);
        for (std::int32_t rank = 0; rank < num_ranks; ++rank) {
          EXPECT_TRUE(sum_with(ranks.added(rank), num_rows, hidden) == sum) << rank << " of " << num_ranks;
        }
        for (const NumberType type : {NumberType::kInt8, NumberType::kE4m3}) {
          EXPECT_TRUE(norm_of(ranks.added(0), type, num_rows, hidden) ==
                      norm_of(wanted, type, num_rows, hidden));
        }
      }
    }
  }
}

// By the kernel alone: the same row at random places of batches of random sizes.
TEST(RankSumOnADevice, OfARowDoesNotDependOnItsPlaceOrTheBatch) {
  if (hopper_processors() == 0) GTEST_SKIP() << "no GPU that will do";
  constexpr std::int32_t kHidden = 1024;
  std::mt19937 random(1);
  for (const std::int32_t num_ranks : {2, 4, 8}) {
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
      const DeviceBuffer out(2 * size(std::int64_t{num_rows} * kHidden));
      launch_sum(ranks.added(0), out.as<DeviceBFloat16>(), std::int64_t{num_rows} * kHidden, nullptr);
      Numbers found(size(kHidden));
      RERANK_CUDA_CHECK(cudaMemcpy(found.data(), out.as<DeviceBFloat16>() + std::int64_t{place} * kHidden,
                                   2 * found.size(), cudaMemcpyDeviceToHost));
      EXPECT_EQ(count_different(found, wanted), 0u) << place << " of " << num_rows << ", " << num_ranks;
    }
  }
}

}  // namespace
}  // namespace rerank::cuda
