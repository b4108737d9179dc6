// The results of matrix products on a GPU, compared with sums in float64.
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <vector>

#include "backend/cuda/hopper/products_fixture.h"

namespace rerank::cuda {
namespace {

class ProductsTest : public ProductsFixture {
 protected:
  // The product of a row with outputs [0, count), in float64.
  std::vector<double> product(std::int32_t row, std::int32_t inputs, std::int32_t count) const {
    return product(quantized_x(), row, inputs, count);
  }
  std::vector<double> product(const QuantizedRows& quantized_x, std::int32_t row, std::int32_t inputs,
                              std::int32_t count) const {
    const bool quantized = GetParam().is_quantized();
    const std::vector<float> x =
        quantized ? on_host(quantized_x, row, 1, inputs)
                  : on_host(x_.as<DeviceBFloat16>() + std::int64_t{row} * inputs, size(inputs));
    const std::vector<float> weight =
        quantized ? on_host(quantized_weight(), 0, count, inputs)
                  : on_host(weight_.as<DeviceBFloat16>(), size(std::int64_t{count} * inputs));
    std::vector<double> sums(size(count));
    for (std::size_t output = 0; output < sums.size(); ++output) {
      for (std::size_t i = 0; i < x.size(); ++i) sums[output] += double{x[i]} * weight[output * x.size() + i];
    }
    return sums;
  }
  static double rms(const std::vector<double>& values) {
    double squares = 0;
    for (const double value : values) squares += value * value;
    return std::sqrt(squares / static_cast<double>(values.size()));
  }
  // bfloat16 has 8 bits; values are rounded once before the epilogue and once after it. e4m3 has 4 bits.
  static void expect_close(const std::vector<double>& wanted, const std::vector<float>& found,
                           NumberType type = NumberType::kBFloat16) {
    ASSERT_EQ(wanted.size(), found.size());
    const bool is_e4m3 = type == NumberType::kE4m3;
    const double wanted_rms = rms(wanted);
    double error_squares = 0;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      const double error = wanted[i] - found[i];
      ASSERT_LE(std::abs(error), (is_e4m3 ? 0.08 : 0.02) * std::abs(wanted[i]) + 0.05 * wanted_rms) << i;
      error_squares += error * error;
    }
    EXPECT_LE(std::sqrt(error_squares / static_cast<double>(wanted.size())),
              (is_e4m3 ? 0.04 : 4e-3) * wanted_rms);
  }
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
    const std::int64_t at = std::int64_t{row} * ffn;
    if (GetParam().type == NumberType::kE4m3) {
      std::vector<std::uint8_t> bits(size(ffn));
      RERANK_CUDA_CHECK(
          cudaMemcpy(bits.data(), out.as<std::uint8_t>() + at, bits.size(), cudaMemcpyDeviceToHost));
      std::vector<float> found(bits.size());
      std::ranges::transform(bits, found.begin(), from_e4m3);
      expect_close(wanted, found, NumberType::kE4m3);
    } else {
      expect_close(wanted, on_host(out.as<DeviceBFloat16>() + at, size(ffn)));
    }
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
  x.fill_random(stream_.get());
  RERANK_CUDA_CHECK(cudaStreamSynchronize(stream_.get()));
  const std::int32_t rows[] = {0, 64, 199, num_rows - 1, num_rows};
  std::vector<std::vector<float>> before;
  for (const std::int32_t row : rows) before.push_back(x.on_host(row));
  launch_add_product(arguments(0, num_rows, s.ffn, s.hidden), added_scale(0), x.rows, stream_.get());
  RERANK_CUDA_CHECK(cudaStreamSynchronize(stream_.get()));
  for (std::size_t r = 0; r < std::size(rows); ++r) {
    const std::vector<float> high = on_host(x.rows.high + std::int64_t{rows[r]} * s.hidden, size(s.hidden));
    const std::vector<float> sums = x.on_host(rows[r]);
    const bool is_inside = rows[r] < num_rows;
    std::vector<double> wanted = product(added_x(), rows[r], s.ffn, s.hidden);
    // Tensor cores keep 14 bits of e4m3 sums.
    const double slack = s.type == NumberType::kE4m3 ? 0.02 * rms(wanted) : 1e-4;
    double squares = 0;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      const double added = is_inside ? to_float(to_bfloat16(static_cast<float>(wanted[i]))) : 0;
      const double sum = sums[i];
      // The product may be rounded to the other side.
      ASSERT_NEAR(sum, before[r][i] + added, 0.01 * std::abs(added) + slack) << rows[r] << " " << i;
      // Products read the rounded value.
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

class QuantizedProductsTest : public ProductsTest {};

// Compared with the values before quantization, of which one in each row is much larger than the others.
TEST_P(QuantizedProductsTest, AreCloseToTheProductOfWhatWasQuantized) {
  const Shape& s = GetParam();
  const std::int32_t num_rows = 300;
  std::vector<float> factors(size(s.hidden), 1);
  factors[7] = 40;
  launch_scale_columns(x_.as<DeviceBFloat16>(), on_device(factors).as<float>(), num_rows, s.hidden,
                       stream_.get());
  DeviceBuffer out(size(2 * std::int64_t{num_rows} * s.hidden));
  launch_product(arguments(0, num_rows, s.hidden, s.hidden), added_scale(0), out.as<DeviceBFloat16>(),
                 s.hidden, stream_.get());
  RERANK_CUDA_CHECK(cudaStreamSynchronize(stream_.get()));
  const std::vector<float> weight =
      on_host(weight_.as<DeviceBFloat16>(), size(std::int64_t{s.hidden} * s.hidden));
  for (const std::int32_t row : {0, 130, num_rows - 1}) {
    const std::int64_t at = std::int64_t{row} * s.hidden;
    const std::vector<float> x = on_host(x_.as<DeviceBFloat16>() + at, size(s.hidden)),
                             found = on_host(out.as<DeviceBFloat16>() + at, size(s.hidden));
    float row_scale = 1;  // for e4m3 the caller applies it
    if (s.type == NumberType::kE4m3) {
      RERANK_CUDA_CHECK(cudaMemcpy(&row_scale, x_scales_.as<float>() + row, 4, cudaMemcpyDeviceToHost));
    }
    std::vector<double> wanted(x.size()), errors(x.size());
    for (std::size_t output = 0; output < wanted.size(); ++output) {
      for (std::size_t i = 0; i < x.size(); ++i)
        wanted[output] += double{x[i]} * weight[output * x.size() + i];
      errors[output] = wanted[output] - double{row_scale} * found[output];
    }
    // An e4m3 value is off by 2.4% of itself, an int8 value by 0.3% of the row's largest.
    EXPECT_LE(rms(errors), (s.type == NumberType::kInt8 ? 0.03 : 0.05) * rms(wanted)) << row;
  }
}

TEST_P(QuantizedProductsTest, WhatIsNotFiniteStaysSo) {
  const Shape& s = GetParam();
  std::vector<std::uint16_t> bits(size(3 * std::int64_t{s.hidden}), 0x3f80);  // ones
  bits[size(s.hidden + 5)] = 0x7fc0;                                          // NaN
  bits[size(3 * std::int64_t{s.hidden} - 1)] = 0x7f80;                        // infinite
  launch_quantize(on_device(bits).as<DeviceBFloat16>(), nullptr, quantized_x(), 3, s.hidden, stream_.get());
  RERANK_CUDA_CHECK(cudaStreamSynchronize(stream_.get()));
  float scales[3];
  RERANK_CUDA_CHECK(cudaMemcpy(scales, x_scales_.as<void>(), sizeof scales, cudaMemcpyDeviceToHost));
  EXPECT_TRUE(std::isfinite(scales[0]));
  EXPECT_FALSE(std::isfinite(scales[1]));
  EXPECT_FALSE(std::isfinite(scales[2]));
}

std::vector<Shape> quantized_shapes() {
  std::vector<Shape> all = shapes();
  std::erase_if(all, [](const Shape& shape) { return !shape.is_quantized(); });
  return all;
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ProductsTest);
INSTANTIATE_TEST_SUITE_P(Shapes, ProductsTest, testing::ValuesIn(shapes()),
                         [](const auto& test) { return std::string(test.param.name); });
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(QuantizedProductsTest);
INSTANTIATE_TEST_SUITE_P(Shapes, QuantizedProductsTest, testing::ValuesIn(quantized_shapes()),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace rerank::cuda
