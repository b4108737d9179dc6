// =// Weights that are a pure function of (seed, standard deviation, tensor name, index), so that every
// machine =// generates the same model. Integers are modulo 2^64; each tensor has a splitmix64 stream of its
// own: =// =//   key   = FNV-1a-64(tensor name) xor (seed * G)                          G =
// 0x9E3779B97F4A7C15 =//   z     = splitmix64's output for the state key + (index + 1) * G        index:
// row-major, from 0 =//   r     = 2 * (z >> 40) / 2^24 - 1                                       in [-1, 1),
// exact in float32 =//   value = bf16(float32(sqrt(3) * std) * r) =//   value = bf16(norm_base + 0.25 r)
// for weights of norms, whose names =//                                        end in norm.weight,
// Norm.weight or _ln.weight
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/data_type.h"

namespace rerank {

struct SyntheticRecipe {
  std::uint64_t seed = 1;
  double std = 0.03;
  // The center of the weights of norms: 1 minus the offset that the family adds to them. Set by code that
  // knows the family.
  float norm_base = 1;
};

// Throws Error unless std is a number above 0 and at most 10.
void require_valid(const SyntheticRecipe& recipe);

// Writes the elements of tensor `name` starting at index `first`. Safe from any number of threads at once.
void make_synthetic_weights(const SyntheticRecipe& recipe, std::string_view name, std::uint64_t first,
                            std::span<BFloat16> out);

}  // namespace rerank
