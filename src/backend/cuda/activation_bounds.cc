#include "backend/cuda/activation_bounds.h"

#include <cmath>
#include <cstddef>

namespace rerank::cuda {
namespace {

// The smallest power of two that brings `bound` below the largest e4m3; 1 if it is already.
float divisor_of(double bound) {
  constexpr double kLargest = 448;
  if (!(bound > 0) || !std::isfinite(bound)) return 1;
  return static_cast<float>(std::exp2(std::ceil(std::log2(bound / kLargest))));
}

// The bound for a product with a row of a weight. e4m3 rounds each value of both up by at most 1/16, bfloat16
// rounds the result.
double product_bound(float row_norm, int hidden) {
  constexpr double kRounding = (1 + 1.0 / 16) * (1 + 1.0 / 16) * (1 + 1.0 / 128);
  return kRounding * std::sqrt(static_cast<double>(hidden)) * static_cast<double>(row_norm);
}

}  // namespace

std::vector<float> value_divisors(std::span<const float> row_norms, std::span<const float> bias, int hidden) {
  std::vector<float> divisors;
  divisors.reserve(row_norms.size());
  for (std::size_t i = 0; i < row_norms.size(); ++i) {
    const double added = bias.empty() ? 0 : std::abs(double{bias[i]});
    divisors.push_back(divisor_of(product_bound(row_norms[i], hidden) + added));
  }
  return divisors;
}

std::vector<float> ffn_divisors(std::span<const float> gate_norms, std::span<const float> up_norms,
                                int hidden) {
  std::vector<float> divisors;
  divisors.reserve(gate_norms.size());
  for (std::size_t i = 0; i < gate_norms.size(); ++i) {
    // |silu(x)| <= |x|, and so is |gelu(x)|
    divisors.push_back(divisor_of(product_bound(gate_norms[i], hidden) * product_bound(up_norms[i], hidden)));
  }
  return divisors;
}

}  // namespace rerank::cuda
