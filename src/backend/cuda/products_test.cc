// The matrix products alone, on a GPU: what they compute, and that a row's bits do not depend on how many
// rows there are nor on its place among them.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <vector>

#include "backend/cuda/fused_gemm.h"
#include "backend/cuda/gemm.h"
#include "base/data_type.h"

namespace rerank::cuda {
namespace {

constexpr std::int32_t kHeadDim = 128, kMaxRows = 2304;
constexpr float kEps = 1e-6f;

struct Shape {
  const char* name;
  std::int32_t hidden, ffn, num_heads, num_kv_heads;

  std::int32_t query_dim() const { return num_heads * kHeadDim; }
  std::int32_t qkv_dim() const { return (num_heads + 2 * num_kv_heads) * kHeadDim; }
};

void PrintTo(const Shape& shape, std::ostream* out) {
  *out << shape.name;
}

std::vector<float> on_host(const DeviceBFloat16* from, std::size_t count) {
  std::vector<BFloat16> bits(count);
  RERANK_CUDA_CHECK(cudaMemcpy(bits.data(), from, 2 * count, cudaMemcpyDeviceToHost));
  std::vector<float> values(count);
  std::ranges::transform(bits, values.begin(), [](BFloat16 value) { return to_float(value); });
  return values;
}

template <typename T>
DeviceBuffer on_device(const std::vector<T>& values) {
  DeviceBuffer buffer(values.size() * sizeof(T));
  RERANK_CUDA_CHECK(
      cudaMemcpy(buffer.as<void>(), values.data(), buffer.size_bytes(), cudaMemcpyHostToDevice));
  return buffer;
}

std::size_t size(std::int64_t n) {
  return static_cast<std::size_t>(n);
}

// Multiprocessors of the first GPU; 0: there is none that will do.
int hopper_processors() {
  int count = 0;
  cudaDeviceProp properties{};
  if (cudaGetDeviceCount(&count) != cudaSuccess || count == 0) return 0;
  if (cudaGetDeviceProperties(&properties, 0) != cudaSuccess || properties.major != 9) return 0;
  return properties.multiProcessorCount;
}

// None without a GPU, as in the tests of whole backends.
std::vector<Shape> shapes() {
  if (hopper_processors() == 0) return {};
  return {{"0p6B", 1024, 3072, 16, 8},
          {"4B", 2560, 9728, 32, 8},
          {"8B", 4096, 12288, 32, 8},
          {"odd", 208, 304, 3, 1}};
}

// The residual of kMaxRows rows.
struct ResidualBuffers {
  DeviceBuffer high, low, squares;
  Residual rows{};

  explicit ResidualBuffers(std::int32_t hidden)
      : high(size(std::int64_t{2} * kMaxRows * hidden)),
        low(high.size_bytes()),
        squares(size(std::int64_t{4} * kMaxRows * num_square_parts(hidden))),
        rows{high.as<DeviceBFloat16>(), low.as<DeviceBFloat16>(), squares.as<float>(), hidden} {}

  Residual from(std::int32_t row) const {
    return {rows.high + std::int64_t{row} * rows.hidden, rows.low + std::int64_t{row} * rows.hidden,
            rows.squares + std::int64_t{row} * num_square_parts(rows.hidden), rows.hidden};
  }
  void clear(cudaStream_t stream) const {
    RERANK_CUDA_CHECK(cudaMemsetAsync(high.as<void>(), 0, high.size_bytes(), stream));
    RERANK_CUDA_CHECK(cudaMemsetAsync(low.as<void>(), 0, low.size_bytes(), stream));
  }
};

class ProductsTest : public testing::TestWithParam<Shape> {
 protected:
  void SetUp() override {
    num_processors_ = hopper_processors();
    prepare_fused_gemms(kHeadDim);
    const Shape& s = GetParam();
    const std::int64_t widest = std::max({s.hidden, s.ffn, s.query_dim()});
    x_ = DeviceBuffer(size(2 * kMaxRows * widest));
    weight_ = DeviceBuffer(size(2 * widest * std::max({2 * s.ffn, s.qkv_dim(), s.hidden})));
    launch_fill_random(x_.as<DeviceBFloat16>(), kMaxRows * widest, 1, 1.0f, stream_.get());
    launch_fill_random(weight_.as<DeviceBFloat16>(), static_cast<std::int64_t>(weight_.size_bytes() / 2), 2,
                       0.05f, stream_.get());
    std::vector<std::int32_t> positions(kMaxRows), slots(kMaxRows);
    for (std::int32_t row = 0; row < kMaxRows; ++row) {
      positions[size(row)] = row * 7 % 3000;
      slots[size(row)] = row % 5 == 0 ? row / 5 : -1;
    }
    std::vector<float> frequencies(kHeadDim / 2), norm(kHeadDim);
    for (int i = 0; i < kHeadDim / 2; ++i) frequencies[size(i)] = std::pow(1e6f, -static_cast<float>(i) / 64);
    for (int i = 0; i < kHeadDim; ++i) norm[size(i)] = 1 + 0.01f * static_cast<float>(i);
    positions_host_ = positions;
    positions_ = on_device(positions);
    slots_ = on_device(slots);
    frequencies_host_ = frequencies;
    frequencies_ = on_device(frequencies);
    norm_host_ = norm;
    norm_ = on_device(norm);
    store_ = DeviceBuffer(size(2 * kMaxRows * 2 * s.num_kv_heads * kHeadDim));
    // Each row has a scale of its own, about 1 / sqrt(1 + row % 5).
    const int num_parts = num_square_parts(s.hidden);
    std::vector<float> squares(size(std::int64_t{kMaxRows} * num_parts));
    for (std::int32_t row = 0; row < kMaxRows; ++row) {
      for (int part = 0; part < num_parts; ++part) {
        squares[size(std::int64_t{row} * num_parts + part)] =
            static_cast<float>(s.hidden) / static_cast<float>(num_parts) * static_cast<float>(1 + row % 5);
      }
    }
    squares_ = on_device(squares);
  }

  static double scale(std::int32_t row) { return 1 / std::sqrt(1 + row % 5 + kEps); }
  RowScale row_scale(std::int32_t first_row) const {
    return {squares_.as<float>() + std::int64_t{first_row} * num_square_parts(GetParam().hidden), kEps};
  }
  FusedGemmArguments arguments(std::int32_t first_row, std::int32_t num_rows, std::int32_t inputs,
                               std::int32_t outputs) const {
    return {gemm_view(x_.as<DeviceBFloat16>() + std::int64_t{first_row} * inputs, num_rows, inputs),
            gemm_view(weight_.as<DeviceBFloat16>(), outputs, inputs), num_rows, inputs, num_processors_};
  }
  // Rows [first_row, first_row + num_rows) of x.
  void gate_up(std::int32_t first_row, std::int32_t num_rows, DeviceBFloat16* out) const {
    const Shape& s = GetParam();
    launch_gate_up(arguments(first_row, num_rows, s.hidden, 2 * s.ffn), row_scale(first_row), out, s.ffn,
                   stream_.get());
  }
  void qkv(std::int32_t first_row, std::int32_t num_rows, DeviceBFloat16* out) const {
    const Shape& s = GetParam();
    launch_qkv(arguments(first_row, num_rows, s.hidden, s.qkv_dim()), row_scale(first_row),
               {.qkv = out,
                .store = store_.as<DeviceBFloat16>(),
                .query_norm = norm_.as<float>(),
                .key_norm = norm_.as<float>(),
                .frequencies = frequencies_.as<float>(),
                .positions = positions_.as<std::int32_t>() + first_row,
                .slots = slots_.as<std::int32_t>() + first_row,
                .first_head = 0,
                .end_head = s.num_heads + 2 * s.num_kv_heads,
                .num_heads = s.num_heads,
                .num_kv_heads = s.num_kv_heads,
                .head_dim = kHeadDim,
                .eps = kEps},
               stream_.get());
  }

  // compute(first row, rows, out) for random runs of rows, each against the same rows of all.
  template <typename Compute>
  void expect_same_bits(std::int32_t halves_of_row, const Compute& compute) {
    DeviceBuffer all(size(2 * std::int64_t{kMaxRows} * halves_of_row)), some(all.size_bytes()),
        differences(4);
    RERANK_CUDA_CHECK(cudaMemsetAsync(differences.as<void>(), 0, 4, stream_.get()));
    compute(0, kMaxRows, all.as<DeviceBFloat16>());
    std::mt19937 random(GetParam().ffn);
    for (int i = 0; i < 60; ++i) {
      const auto num_rows = static_cast<std::int32_t>(1 + random() % (i % 3 == 0 ? 64 : kMaxRows));
      const auto first_row =
          static_cast<std::int32_t>(random() % static_cast<unsigned>(kMaxRows - num_rows + 1));
      compute(first_row, num_rows, some.as<DeviceBFloat16>());
      launch_count_differences(all.as<DeviceBFloat16>() + std::int64_t{first_row} * halves_of_row,
                               some.as<DeviceBFloat16>(), std::int64_t{num_rows} * halves_of_row,
                               differences.as<std::uint32_t>(), stream_.get());
    }
    std::uint32_t count = 0;
    RERANK_CUDA_CHECK(
        cudaMemcpyAsync(&count, differences.as<void>(), 4, cudaMemcpyDeviceToHost, stream_.get()));
    RERANK_CUDA_CHECK(cudaStreamSynchronize(stream_.get()));
    EXPECT_EQ(count, 0u);
  }
  // The product of a row with outputs [0, count), in float64.
  std::vector<double> product(std::int32_t row, std::int32_t inputs, std::int32_t count) const {
    const std::vector<float> x = on_host(x_.as<DeviceBFloat16>() + std::int64_t{row} * inputs, size(inputs));
    const std::vector<float> weight =
        on_host(weight_.as<DeviceBFloat16>(), size(std::int64_t{count} * inputs));
    std::vector<double> sums(size(count));
    for (std::size_t output = 0; output < sums.size(); ++output) {
      for (std::size_t i = 0; i < x.size(); ++i) sums[output] += double{x[i]} * weight[output * x.size() + i];
    }
    return sums;
  }
  // bfloat16 keeps 8 bits; the product is rounded once before and once after what follows it.
  static void expect_close(const std::vector<double>& wanted, const std::vector<float>& found) {
    ASSERT_EQ(wanted.size(), found.size());
    double squares = 0, error_squares = 0;
    for (const double value : wanted) squares += value * value;
    const double rms = std::sqrt(squares / static_cast<double>(wanted.size()));
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      const double error = wanted[i] - found[i];
      ASSERT_LE(std::abs(error), 0.02 * std::abs(wanted[i]) + 0.05 * rms) << i;
      error_squares += error * error;
    }
    EXPECT_LE(std::sqrt(error_squares / squares), 4e-3);
  }

  Stream stream_;
  int num_processors_ = 0;
  DeviceBuffer x_, weight_, positions_, slots_, frequencies_, norm_, store_, squares_;
  std::vector<std::int32_t> positions_host_;
  std::vector<float> frequencies_host_, norm_host_;
};

TEST_P(ProductsTest, GateUpIsRight) {
  const std::int32_t ffn = GetParam().ffn, num_rows = 300;
  DeviceBuffer out(size(2 * std::int64_t{kMaxRows} * ffn));
  gate_up(0, num_rows, out.as<DeviceBFloat16>());
  RERANK_CUDA_CHECK(cudaStreamSynchronize(stream_.get()));
  for (const std::int32_t row : {0, 63, 64, 200, num_rows - 1}) {
    const std::vector<double> sums = product(row, GetParam().hidden, 2 * ffn);
    std::vector<double> wanted(size(ffn));
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      const double gate = scale(row) * sums[i], up = scale(row) * sums[size(ffn) + i];
      wanted[i] = gate / (1 + std::exp(-gate)) * up;
    }
    expect_close(wanted, on_host(out.as<DeviceBFloat16>() + std::int64_t{row} * ffn, size(ffn)));
  }
}

TEST_P(ProductsTest, QkvIsRight) {
  const Shape& s = GetParam();
  const std::int32_t num_rows = 300;
  DeviceBuffer out(size(2 * std::int64_t{kMaxRows} * s.qkv_dim()));
  qkv(0, num_rows, out.as<DeviceBFloat16>());
  RERANK_CUDA_CHECK(cudaStreamSynchronize(stream_.get()));
  for (const std::int32_t row : {0, 65, 205, num_rows - 1}) {
    std::vector<double> wanted = product(row, s.hidden, s.qkv_dim());
    for (double& value : wanted) value *= scale(row);
    for (std::int32_t head = 0; head < s.num_heads + s.num_kv_heads; ++head) {
      double* x = wanted.data() + std::int64_t{head} * kHeadDim;
      double squares = 0;
      for (int i = 0; i < kHeadDim; ++i) squares += x[i] * x[i];
      const double factor = 1 / std::sqrt(squares / kHeadDim + kEps);
      for (int i = 0; i < kHeadDim / 2; ++i) {
        const double angle = static_cast<float>(positions_host_[size(row)]) * frequencies_host_[size(i)];
        const double first = x[i] * factor * norm_host_[size(i)];
        const double second = x[i + kHeadDim / 2] * factor * norm_host_[size(i + kHeadDim / 2)];
        x[i] = first * std::cos(angle) - second * std::sin(angle);
        x[i + kHeadDim / 2] = second * std::cos(angle) + first * std::sin(angle);
      }
    }
    const std::vector<float> found =
        on_host(out.as<DeviceBFloat16>() + std::int64_t{row} * s.qkv_dim(), size(s.qkv_dim()));
    expect_close(wanted, found);
    if (row % 5 != 0) continue;
    const std::int32_t kept = 2 * s.num_kv_heads * kHeadDim;
    EXPECT_EQ(on_host(store_.as<DeviceBFloat16>() + std::int64_t{row / 5} * kept, size(kept)),
              std::vector<float>(found.begin() + s.query_dim(), found.end()));
  }
}

TEST_P(ProductsTest, AddedProductIsRight) {
  const Shape& s = GetParam();
  const std::int32_t num_rows = 300;
  const ResidualBuffers x(s.hidden);
  launch_fill_random(x.rows.high, std::int64_t{kMaxRows} * s.hidden, 3, 4.0f, stream_.get());
  launch_fill_random(x.rows.low, std::int64_t{kMaxRows} * s.hidden, 4, 0.01f, stream_.get());
  RERANK_CUDA_CHECK(cudaStreamSynchronize(stream_.get()));
  const auto plane = [&](const DeviceBFloat16* from, std::int32_t row) {
    return on_host(from + std::int64_t{row} * s.hidden, size(s.hidden));
  };
  const std::int32_t rows[] = {0, 64, 199, num_rows - 1, num_rows};
  std::vector<std::vector<float>> before;
  for (const std::int32_t row : rows) {
    std::vector<float> sum = plane(x.rows.high, row), low = plane(x.rows.low, row);
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += low[i];
    before.push_back(sum);
  }
  launch_add_product(arguments(0, num_rows, s.ffn, s.hidden), x.rows, stream_.get());
  RERANK_CUDA_CHECK(cudaStreamSynchronize(stream_.get()));
  for (std::size_t r = 0; r < std::size(rows); ++r) {
    const std::vector<float> high = plane(x.rows.high, rows[r]), low = plane(x.rows.low, rows[r]);
    const bool is_inside = rows[r] < num_rows;
    std::vector<double> wanted = product(rows[r], s.ffn, s.hidden);
    double squares = 0;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      const double added = is_inside ? to_float(to_bfloat16(static_cast<float>(wanted[i]))) : 0;
      const double sum = double{high[i]} + low[i];
      // The product's own rounding may fall to the other side.
      ASSERT_NEAR(sum, before[r][i] + added, 0.01 * std::abs(added) + 1e-4) << rows[r] << " " << i;
      // The first of the two numbers is their sum, rounded.
      if (is_inside) {
        ASSERT_LE(std::abs(sum - high[i]), 0.004 * std::abs(sum)) << rows[r] << " " << i;
      }
      squares += sum * sum;
    }
    if (!is_inside) continue;
    const auto num_parts = size(num_square_parts(s.hidden));
    std::vector<float> parts(num_parts);
    RERANK_CUDA_CHECK(cudaMemcpy(parts.data(), x.rows.squares + size(rows[r]) * num_parts, 4 * num_parts,
                                 cudaMemcpyDeviceToHost));
    EXPECT_NEAR(std::accumulate(parts.begin(), parts.end(), 0.0), squares, 1e-5 * squares);
  }
}

TEST_P(ProductsTest, OwnBitsDependOnARowAlone) {
  const Shape& s = GetParam();
  expect_same_bits(
      s.ffn, [&](std::int32_t first, std::int32_t rows, DeviceBFloat16* out) { gate_up(first, rows, out); });
  expect_same_bits(s.qkv_dim(), [&](std::int32_t first, std::int32_t rows, DeviceBFloat16* out) {
    qkv(first, rows, out);
  });
}

// The residual in both of its numbers and its squares, by our product and by cuBLASLt's with launch_add.
TEST_P(ProductsTest, AddedBitsDependOnARowAlone) {
  const Shape& s = GetParam();
  const GemmLibrary library;
  for (const std::int32_t inputs : {s.query_dim(), s.ffn}) {
    const std::size_t widest = size(std::max({s.hidden, s.ffn, s.query_dim()}));
    const ResidualBuffers x(s.hidden);
    DeviceBuffer trial_x(size(2 * kMaxRows) * widest), wanted(trial_x.size_bytes()),
        found(trial_x.size_bytes()), count(4);
    const auto add_own = [&](const DeviceBFloat16* from, std::int32_t rows, const Residual& to) {
      launch_add_product(
          {gemm_view(from, rows, inputs), gemm_view(weight_.as<DeviceBFloat16>(), s.hidden, inputs), rows,
           inputs, num_processors_},
          to, stream_.get());
    };
    const GemmOperand weight{weight_.as<void>(), nullptr};
    const Gemm gemm(library, {s.hidden, inputs, s.hidden, false}, kMaxRows, weight,
                    {.x = trial_x.as<DeviceBFloat16>(),
                     .quantized_x = {},
                     .wanted = wanted.as<DeviceBFloat16>(),
                     .found = found.as<DeviceBFloat16>(),
                     .num_different = count.as<std::uint32_t>()},
                    stream_.get(), [&](const DeviceBFloat16* from, DeviceBFloat16* out) {
                      x.clear(stream_.get());
                      add_own(from, kMaxRows, x.rows);
                      RERANK_CUDA_CHECK(cudaMemcpyAsync(out, x.rows.high, size(2 * kMaxRows) * size(s.hidden),
                                                        cudaMemcpyDeviceToDevice, stream_.get()));
                    });
    for (const bool own : {true, false}) {
      for (int plane = 0; plane < 3; ++plane) {
        const std::int32_t halves = plane == 2 ? 2 * num_square_parts(s.hidden) : s.hidden;
        expect_same_bits(halves, [&](std::int32_t first, std::int32_t rows, DeviceBFloat16* out) {
          launch_fill_random(x.rows.high, std::int64_t{kMaxRows} * s.hidden, 3, 4.0f, stream_.get());
          launch_fill_random(x.rows.low, std::int64_t{kMaxRows} * s.hidden, 4, 0.01f, stream_.get());
          const Residual part = x.from(first);
          const DeviceBFloat16* from = x_.as<DeviceBFloat16>() + std::int64_t{first} * inputs;
          // All rows always by our own, so that the two are compared as well.
          if (own || rows == kMaxRows || !gemm.can_run(rows)) {
            add_own(from, rows, part);
          } else {
            gemm.run(library, {from, nullptr}, weight, found.as<DeviceBFloat16>(), rows, stream_.get());
            launch_add(found.as<DeviceBFloat16>(), part, rows, stream_.get());
          }
          const void* result = plane == 0   ? static_cast<const void*>(part.high)
                               : plane == 1 ? static_cast<const void*>(part.low)
                                            : static_cast<const void*>(part.squares);
          RERANK_CUDA_CHECK(cudaMemcpyAsync(out, result, size(std::int64_t{2} * rows) * size(halves),
                                            cudaMemcpyDeviceToDevice, stream_.get()));
        });
      }
    }
  }
}

// Of 132 multiprocessors, pairs of which take tiles of 256 rows by 256 outputs.
TEST(AddProductTest, IsBusyWhenTheLastRoundIsNearlyFull) {
  EXPECT_TRUE(add_product_is_busy(8448, 1024, 132));   // 132 tiles for 66 pairs
  EXPECT_FALSE(add_product_is_busy(4365, 1024, 132));  // 72
  EXPECT_FALSE(add_product_is_busy(2048, 1024, 132));  // 32
  EXPECT_TRUE(add_product_is_busy(4365, 2560, 132));   // 180
  EXPECT_TRUE(add_product_is_busy(2048, 4096, 132));   // 128
  EXPECT_FALSE(add_product_is_busy(1, 208, 132));
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ProductsTest);
INSTANTIATE_TEST_SUITE_P(Shapes, ProductsTest, testing::ValuesIn(shapes()),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace rerank::cuda
