// Weights that are a pure function of (seed, standard deviation, tensor name, index), so that any machine can
// make the same model. The arithmetic modulo 2^64, a splitmix64 stream for each tensor:
//
//   key   = FNV-1a-64(tensor name) xor (seed * G)                          G = 0x9E3779B97F4A7C15
//   z     = splitmix64's output for the state key + (index + 1) * G        index: row-major, from 0
//   r     = 2 * (z >> 40) / 2^24 - 1                                       in [-1, 1), exact in float32
//   value = bf16(float32(sqrt(3) * std) * r), or bf16(norm_base + 0.25 r) for the weight of a norm, whose
//   name ends in norm.weight, Norm.weight or _ln.weight
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/data_type.h"

namespace rerank {

struct SyntheticRecipe {
  std::uint64_t seed = 1;
  double std = 0.03;
  // What norms are about: 1, less what the family adds to their weights. Set by whoever knows the family.
  float norm_base = 1;
};

// Throws Error unless std is a number above 0 and at most 10.
void require_valid(const SyntheticRecipe& recipe);

// Writes the elements from `first` on of the tensor `name`. Safe from any number of threads at once.
void make_synthetic_weights(const SyntheticRecipe& recipe, std::string_view name, std::uint64_t first,
                            std::span<BFloat16> out);

}  // namespace rerank
