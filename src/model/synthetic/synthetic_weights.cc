// The generator of synthetic weights, one body compiled for three instruction sets.
#include "model/synthetic/synthetic_weights.h"

#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <cstddef>

#include "checkpoint/content_hash.h"
#include "rerank/error.h"

namespace rerank {
namespace {

constexpr std::uint64_t kGolden = 0x9E3779B97F4A7C15;

struct Stream {
  std::uint64_t key;
  float base;
  float scale;
};

// Integers and floats in separate loops, each with a single lane width, so that the compiler vectorizes both.
template <std::size_t Count>
[[gnu::always_inline]] inline void fill_block(const Stream& stream, std::uint64_t first, BFloat16* out) {
  std::uint32_t bits[Count];
  const std::uint64_t state = stream.key + (first + 1) * kGolden;
  for (std::size_t i = 0; i < Count; ++i) {
    std::uint64_t z = state + i * kGolden;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    bits[i] = static_cast<std::uint32_t>((z ^ (z >> 31)) >> 40);
  }
  for (std::size_t i = 0; i < Count; ++i) {
    const float r = static_cast<float>(static_cast<std::int32_t>(bits[i]) - (1 << 23)) * 0x1p-23f;
    // There are no NaNs, so this is to_bfloat16 without its branch.
    const auto value = std::bit_cast<std::uint32_t>(stream.base + stream.scale * r);
    out[i].bits = static_cast<std::uint16_t>((value + 0x7fff + ((value >> 16) & 1)) >> 16);
  }
}

[[gnu::always_inline]] inline void fill(const Stream& stream, std::uint64_t first, std::span<BFloat16> out) {
  constexpr std::size_t kBlock = 256;
  std::size_t done = 0;
  for (; done + kBlock <= out.size(); done += kBlock)
    fill_block<kBlock>(stream, first + done, out.data() + done);
  for (; done < out.size(); ++done) fill_block<1>(stream, first + done, out.data() + done);
}

using FillFunction = void (*)(const Stream&, std::uint64_t, std::span<BFloat16>);

void fill_plain(const Stream& stream, std::uint64_t first, std::span<BFloat16> out) {
  fill(stream, first, out);
}

#if defined(__x86_64__)
// Measured on one core of a Zen 4: 0.8, 1.0 and 2.6 G values/s.
__attribute__((target("avx2"))) void fill_avx2(const Stream& stream, std::uint64_t first,
                                               std::span<BFloat16> out) {
  fill(stream, first, out);
}
__attribute__((target("avx512f,avx512dq,avx512bw,avx512vl"))) void fill_avx512(const Stream& stream,
                                                                               std::uint64_t first,
                                                                               std::span<BFloat16> out) {
  fill(stream, first, out);
}
#endif

FillFunction choose_fill() {
#if defined(__x86_64__)
  const bool has_avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                          __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
  if (has_avx512) return fill_avx512;
  if (__builtin_cpu_supports("avx2")) return fill_avx2;
#endif
  return fill_plain;
}

}  // namespace

void require_valid(const SyntheticRecipe& recipe) {
  require(recipe.std > 0 && recipe.std <= 10,
          fmt::format("std is {}, but must be above 0 and at most 10", recipe.std));
}

void make_synthetic_weights(const SyntheticRecipe& recipe, std::string_view name, std::uint64_t first,
                            std::span<BFloat16> out) {
  static const FillFunction kFill = choose_fill();
  ContentHash hash;
  hash.add(name);
  Stream stream{hash.value() ^ (recipe.seed * kGolden), 0.0f,
                static_cast<float>(std::sqrt(3.0) * recipe.std)};
  if (name.ends_with("norm.weight") || name.ends_with("Norm.weight") || name.ends_with("_ln.weight")) {
    stream.base = recipe.norm_base;
    stream.scale = 0.25f;
  }
  kFill(stream, first, out);
}

}  // namespace rerank
