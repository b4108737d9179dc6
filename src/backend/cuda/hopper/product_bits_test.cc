// The bits of a row depend neither on the number of rows of a matrix product, nor on the row's position, nor
// on the number of multiprocessors.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "backend/cuda/hopper/products_fixture.h"

namespace rerank::cuda {
namespace {

class ProductBitsTest : public ProductsFixture {
 protected:
  // Runs compute(first row, rows, out) for random runs of rows and compares each with the same rows of all.
  template <typename Compute>
  void expect_same_bits(std::int32_t halves_of_row, const Compute& compute) {
    DeviceBuffer all(size(2 * std::int64_t{kMaxRows} * halves_of_row)), some(all.size_bytes()),
        differences(4);
    RERANK_CUDA_CHECK(cudaMemsetAsync(differences.as<void>(), 0, 4, stream_.get()));
    compute(0, kMaxRows, all.as<DeviceBFloat16>());
    std::mt19937 random(GetParam().ffn);
    const int all_processors = hopper_processors();
    for (int i = 0; i < 60; ++i) {
      if (i % 20 == 0) num_processors_ = all_processors / (1 + i / 20 * 2);
      const auto num_rows = static_cast<std::int32_t>(1 + random() % (i % 3 == 0 ? 64 : kMaxRows));
      const auto first_row =
          static_cast<std::int32_t>(random() % static_cast<unsigned>(kMaxRows - num_rows + 1));
      compute(first_row, num_rows, some.as<DeviceBFloat16>());
      launch_count_differences(all.as<DeviceBFloat16>() + std::int64_t{first_row} * halves_of_row,
                               some.as<DeviceBFloat16>(), std::int64_t{num_rows} * halves_of_row,
                               differences.as<std::uint32_t>(), stream_.get());
    }
    num_processors_ = all_processors;
    std::uint32_t count = 0;
    RERANK_CUDA_CHECK(
        cudaMemcpyAsync(&count, differences.as<void>(), 4, cudaMemcpyDeviceToHost, stream_.get()));
    RERANK_CUDA_CHECK(cudaStreamSynchronize(stream_.get()));
    EXPECT_EQ(count, 0u);
  }
  // add(first row, rows, to): compares both values of the residual, and its squares.
  template <typename Add>
  void expect_same_added_bits(const Add& add) {
    const std::int32_t hidden = GetParam().hidden;
    const ResidualBuffers x(hidden);
    for (int plane = 0; plane < 3; ++plane) {
      const std::int32_t halves = plane == 0   ? hidden
                                  : plane == 1 ? hidden / 2
                                               : 2 * num_square_parts(hidden);
      expect_same_bits(halves, [&](std::int32_t first, std::int32_t rows, DeviceBFloat16* out) {
        x.fill_random(stream_.get());
        const Residual part = x.from(first);
        add(first, rows, part);
        const void* result = plane == 0   ? static_cast<const void*>(part.high)
                             : plane == 1 ? static_cast<const void*>(part.low)
                                          : static_cast<const void*>(part.squares);
        RERANK_CUDA_CHECK(cudaMemcpyAsync(out, result, size(std::int64_t{2} * rows) * size(halves),
                                          cudaMemcpyDeviceToDevice, stream_.get()));
      });
    }
  }
};

TEST_P(ProductBitsTest, OwnBitsDependOnARowAlone) {
  const Shape& s = GetParam();
  expect_same_bits(
      s.type == NumberType::kE4m3 ? s.ffn / 2 : s.ffn,
      [&](std::int32_t first, std::int32_t rows, DeviceBFloat16* out) { gate_up(first, rows, out); });
  expect_same_bits(s.qkv_dim(), [&](std::int32_t first, std::int32_t rows, DeviceBFloat16* out) {
    qkv(first, rows, out);
  });
}

TEST_P(ProductBitsTest, AddedBitsDependOnARowAlone) {
  const Shape& s = GetParam();
  for (const std::int32_t inputs : {s.query_dim(), s.ffn}) {
    expect_same_added_bits([&](std::int32_t first, std::int32_t rows, const Residual& to) {
      launch_add_product(arguments(first, rows, inputs, s.hidden), added_scale(first), to, stream_.get());
    });
  }
}

// cuBLASLt replaces only products of bfloat16.
class StandInBitsTest : public ProductBitsTest {};

TEST_P(StandInBitsTest, CublasAddsTheSameBits) {
  const Shape& s = GetParam();
  const GemmLibrary library;
  for (const std::int32_t inputs : {s.query_dim(), s.ffn}) {
    const std::size_t widest = size(std::max({s.hidden, s.ffn, s.query_dim()}));
    const ResidualBuffers x(s.hidden);
    DeviceBuffer trial_x(size(2 * kMaxRows) * widest), wanted(trial_x.size_bytes()),
        found(trial_x.size_bytes()), count(4);
    const auto* weight = weight_.as<DeviceBFloat16>();
    const Gemm gemm(library, {s.hidden, inputs}, kMaxRows, weight,
                    {.x = trial_x.as<DeviceBFloat16>(),
                     .wanted = wanted.as<DeviceBFloat16>(),
                     .found = found.as<DeviceBFloat16>(),
                     .num_different = count.as<std::uint32_t>()},
                    stream_.get(), [&](const DeviceBFloat16* from, DeviceBFloat16* out) {
                      x.clear(stream_.get());
                      launch_add_product({gemm_view(NumberType::kBFloat16, from, kMaxRows, inputs),
                                          gemm_view(NumberType::kBFloat16, weight, s.hidden, inputs),
                                          kMaxRows, inputs, num_processors_},
                                         {}, x.rows, stream_.get());
                      RERANK_CUDA_CHECK(cudaMemcpyAsync(out, x.rows.high, size(2 * kMaxRows) * size(s.hidden),
                                                        cudaMemcpyDeviceToDevice, stream_.get()));
                    });
    expect_same_added_bits([&](std::int32_t first, std::int32_t rows, const Residual& to) {
      // All rows, with which the others are compared, by our own kernel.
      if (rows == kMaxRows || !gemm.can_run(rows)) {
        launch_add_product(arguments(first, rows, inputs, s.hidden), {}, to, stream_.get());
      } else {
        gemm.run(library, x_.as<DeviceBFloat16>() + std::int64_t{first} * inputs, weight,
                 found.as<DeviceBFloat16>(), rows, stream_.get());
        launch_add(found.as<DeviceBFloat16>(), to, rows, stream_.get());
      }
    });
  }
}

// A product that starts with rows before the product that computes them has ended.
class ProgressBitsTest : public ProductBitsTest {
 protected:
  static constexpr std::int32_t kCounts = (kMaxRows + kGemmPairRows - 1) / kGemmPairRows;

  // The products of a decoder's layer after attention, and the first one of the next layer. `counts` is [3,
  // kCounts], or null: each product then waits for the previous one.
  void layer(std::int32_t num_rows, const ResidualBuffers& x, DeviceBFloat16* ffn, std::uint32_t* counts,
             DeviceBFloat16* out) const {
    const Shape& s = GetParam();
    const auto product = [&](const DeviceBFloat16* from, std::int32_t inputs, std::int32_t outputs) {
      return FusedGemmArguments{gemm_view(NumberType::kBFloat16, from, num_rows, inputs),
                                gemm_view(NumberType::kBFloat16, weight_.as<void>(), outputs, inputs),
                                num_rows, inputs, num_processors_};
    };
    FusedGemmArguments output = product(x_.as<DeviceBFloat16>(), s.query_dim(), s.hidden),
                       gate_up = product(x.rows.high, s.hidden, 2 * s.ffn),
                       down = product(ffn, s.ffn, s.hidden),
                       next = product(x.rows.high, s.hidden, s.qkv_dim());
    if (counts != nullptr) {
      RERANK_CUDA_CHECK(cudaMemsetAsync(counts, 0, size(3 * kCounts) * sizeof *counts, stream_.get()));
      output.counts = counts;
      gate_up.before = progress_of_add_product(output, s.hidden);
      gate_up.counts = counts + kCounts;
      down.before = progress_of_mlp_in(gate_up, {{.ffn = s.ffn}});
      down.counts = counts + 2 * kCounts;
      next.before = progress_of_add_product(down, s.hidden);
    }
    const ProductScale scale{.squares = x.rows.squares, .eps = kEps};
    x.fill_random(stream_.get());
    launch_add_product(output, {}, x.rows, stream_.get());
    launch_mlp_in(gate_up, scale, {{{.values = ffn}, nullptr, s.ffn}}, stream_.get());
    launch_add_product(down, {}, x.rows, stream_.get());
    launch_qkv(next, scale, qkv_arguments(0, out), stream_.get());
  }
};

TEST_P(ProgressBitsTest, ProductsThatBeginEarlyComputeTheSame) {
  const Shape& s = GetParam();
  const std::int64_t numbers = std::int64_t{kMaxRows} * s.qkv_dim();
  const ResidualBuffers x(s.hidden);
  const DeviceBuffer ffn(size(2 * std::int64_t{kMaxRows} * s.ffn)), counts(size(3 * kCounts) * 4),
      wanted = DeviceBuffer::zeros(size(2 * numbers)), found = DeviceBuffer::zeros(size(2 * numbers)),
      differences = DeviceBuffer::zeros(4);
  std::mt19937 random(s.ffn);
  const int all_processors = num_processors_;
  for (int i = 0; i < 40; ++i) {
    num_processors_ = all_processors / (1 + i % 4);
    const auto num_rows = static_cast<std::int32_t>(1 + random() % kMaxRows);
    layer(num_rows, x, ffn.as<DeviceBFloat16>(), nullptr, wanted.as<DeviceBFloat16>());
    layer(num_rows, x, ffn.as<DeviceBFloat16>(), counts.as<std::uint32_t>(), found.as<DeviceBFloat16>());
    launch_count_differences(wanted.as<DeviceBFloat16>(), found.as<DeviceBFloat16>(), numbers,
                             differences.as<std::uint32_t>(), stream_.get());
  }
  std::uint32_t count = 0;
  RERANK_CUDA_CHECK(
      cudaMemcpyAsync(&count, differences.as<void>(), 4, cudaMemcpyDeviceToHost, stream_.get()));
  RERANK_CUDA_CHECK(cudaStreamSynchronize(stream_.get()));
  EXPECT_EQ(count, 0u);
}

// On 132 multiprocessors, pairs of which compute tiles of 256 rows by 256 outputs, or halves of their rows.
TEST(AddProductTest, IsBusyWhenTheLastRoundIsNearlyFull) {
  const auto is_busy = [](std::int32_t num_rows, std::int32_t outputs) {
    return add_product_is_busy({.num_rows = num_rows, .inputs = 1024, .num_processors = 132}, outputs);
  };
  EXPECT_TRUE(is_busy(8448, 1024));   // 132 tiles for 66 pairs
  EXPECT_TRUE(is_busy(4365, 1024));   // 66, and 8 halves
  EXPECT_TRUE(is_busy(2048, 1024));   // 64 halves
  EXPECT_FALSE(is_busy(1000, 1024));  // 32 halves
  EXPECT_TRUE(is_busy(4365, 2560));   // 180
  EXPECT_TRUE(is_busy(2048, 4096));   // 128
  EXPECT_FALSE(is_busy(1, 208));
}

std::vector<Shape> shapes_of(NumberType type) {
  std::vector<Shape> all = shapes();
  std::erase_if(all, [&](const Shape& shape) { return shape.type != type; });
  return all;
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ProductBitsTest);
INSTANTIATE_TEST_SUITE_P(Shapes, ProductBitsTest, testing::ValuesIn(shapes()),
                         [](const auto& test) { return std::string(test.param.name); });
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(StandInBitsTest);
INSTANTIATE_TEST_SUITE_P(Shapes, StandInBitsTest, testing::ValuesIn(shapes_of(NumberType::kBFloat16)),
                         [](const auto& test) { return std::string(test.param.name); });

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ProgressBitsTest);
INSTANTIATE_TEST_SUITE_P(Shapes, ProgressBitsTest, testing::ValuesIn(shapes_of(NumberType::kBFloat16)),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace rerank::cuda
