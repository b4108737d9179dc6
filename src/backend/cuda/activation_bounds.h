// What attention and a gated MLP give is bounded by the weights that they read, since RMSNorm bounds their
// inputs: a row of n numbers has the length sqrt(n) at most, and a product with a weight's row is at most its
// length times that row's (Cauchy-Schwarz). So numbers that become e4m3 can be divided beforehand, such that
// they fit, by weights alone.
#pragma once

#include <span>
#include <vector>

namespace rerank::cuda {

// What a value head's columns are to be divided by, a power of two each, so that a convex combination of them
// is at most e4m3's largest. `row_norms`: of the value projection's rows, [kv_dim]; its inputs are `hidden`
// normed numbers. `bias` [kv_dim], or empty: none is added.
std::vector<float> value_divisors(std::span<const float> row_norms, std::span<const float> bias, int hidden);

// The same of activation(gate) * up; [ffn] each.
std::vector<float> ffn_divisors(std::span<const float> gate_norms, std::span<const float> up_norms,
                                int hidden);

}  // namespace rerank::cuda
