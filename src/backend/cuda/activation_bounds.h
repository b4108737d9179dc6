// Bounds on the outputs of attention and of a gated MLP, from the weights alone. RMSNorm bounds their inputs:
// a row of n values has a norm of at most sqrt(n), so its product with a row of a weight is at most that
// times the norm of the weight's row (Cauchy-Schwarz). Values that will be stored as e4m3 can therefore be
// divided in advance so that they fit.
#pragma once

#include <span>
#include <vector>

namespace rerank::cuda {

// The divisors for the columns of a value head, each a power of two, with which a convex combination of
// values is at most the largest e4m3. `row_norms` [kv_dim] are those of the value projection, whose inputs
// are `hidden` normalized values. `bias` is [kv_dim], or empty if there is none.
std::vector<float> value_divisors(std::span<const float> row_norms, std::span<const float> bias, int hidden);

// The same for activation(gate) * up; [ffn] each.
std::vector<float> ffn_divisors(std::span<const float> gate_norms, std::span<const float> up_norms,
                                int hidden);

}  // namespace rerank::cuda
