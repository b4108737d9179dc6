#include "backend/cuda/activation_bounds.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace rerank::cuda {
namespace {

constexpr int kHidden = 64;

std::vector<float> random_row(std::mt19937& random) {
  std::normal_distribution<float> normal;
  std::vector<float> row(kHidden);
  for (float& x : row) x = normal(random);
  return row;
}
float length(const std::vector<float>& row) {
  float sum = 0;
  for (const float x : row) sum += x * x;
  return std::sqrt(sum);
}
float product(const std::vector<float>& a, const std::vector<float>& b) {
  float sum = 0;
  for (int i = 0; i < kHidden; ++i) sum += a[static_cast<std::size_t>(i)] * b[static_cast<std::size_t>(i)];
  return sum;
}
// A row as RMSNorm leaves it, including e4m3's rounding up.
std::vector<float> normed(std::vector<float> row) {
  const float factor = (1 + 1.0f / 16) * std::sqrt(static_cast<float>(kHidden)) / length(row);
  for (float& x : row) x *= factor;
  return row;
}

// The worst input is the row of the weight itself.
TEST(ActivationBounds, TheLargestValueFits) {
  std::mt19937 random(1);
  for (int i = 0; i < 200; ++i) {
    std::vector<float> weight = random_row(random);
    for (float& x : weight) x *= std::exp2(static_cast<float>(i % 40 - 20));
    const float norm = length(weight);
    const float divisor = value_divisors(std::vector<float>{norm}, {}, kHidden).front();
    const float worst = (1 + 1.0f / 16) * product(normed(weight), weight) / divisor;
    EXPECT_LE(worst, 448);
    EXPECT_GE(worst, 448 / 2.1);  // no coarser than necessary
    EXPECT_EQ(std::exp2(std::round(std::log2(divisor))), divisor);
  }
}

TEST(ActivationBounds, ABiasCounts) {
  const std::vector<float> none = {0}, bias = {-449};
  EXPECT_EQ(value_divisors(none, bias, kHidden), std::vector<float>{2});
}

TEST(ActivationBounds, TheLargestOfSwigluFits) {
  std::mt19937 random(2);
  for (int i = 0; i < 200; ++i) {
    const std::vector<float> gate = random_row(random);
    const std::vector<float> up = i % 2 == 0 ? gate : random_row(random);
    const float divisor =
        ffn_divisors(std::vector<float>{length(gate)}, std::vector<float>{length(up)}, kHidden).front();
    for (const std::vector<float>& x : {normed(gate), normed(up), normed(random_row(random))}) {
      const float g = product(x, gate), u = product(x, up);
      EXPECT_LE(std::abs(g / (1 + std::exp(-g)) * u), 448 * divisor);
    }
  }
}

TEST(ActivationBounds, NothingIsDividedByNothing) {
  const std::vector<float> padding = {0, 0};
  EXPECT_EQ(value_divisors(padding, {}, kHidden), (std::vector<float>{1, 1}));
  EXPECT_EQ(ffn_divisors(padding, padding, kHidden), (std::vector<float>{1, 1}));
}

}  // namespace
}  // namespace rerank::cuda
