#include "tests/golden/machine_rounding.h"

#include <cmath>
#include <random>
#include <vector>

#include "backend/transformer.h"
#include "base/data_type.h"

namespace rerank {

std::uint64_t libm_rounding() {
  Fingerprint fingerprint;
  for (const std::int32_t head_dim : {32, 64, 96, 128, 256}) {
    for (const double theta : {1e4, 1e6}) {
      for (const float frequency : rotary_frequencies(head_dim, theta)) {
        fingerprint.add(frequency);
        for (int position = 0; position < 1000; position += 3) {
          const float angle = static_cast<float>(position) * frequency;
          fingerprint.add(std::cos(angle));
          fingerprint.add(std::sin(angle));
        }
      }
    }
  }
  std::mt19937 random(1);
  for (int i = 0; i < 20'000; ++i) {
    const double x = static_cast<double>(random()) / 4294967296.0 * 40 - 20;
    fingerprint.add(std::exp(x));
    fingerprint.add(std::exp(static_cast<float>(x)));
    fingerprint.add(std::tanh(static_cast<float>(x) / 8));
  }
  return fingerprint.hash();
}

std::uint64_t pair_dot_rounding() {
  if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bf16")) return 0;
  constexpr std::size_t kCount = 1 << 16;
  std::mt19937 random(2);
  const auto any = [&random](int exponents) {  // of 2^(-exponents / 2) to 2^(exponents / 2)
    const float x = static_cast<float>(random() % 65536) / 65536 - 0.5f;
    return std::ldexp(x, static_cast<int>(random() % static_cast<unsigned>(exponents)) - exponents / 2);
  };
  Fingerprint fingerprint;
  // Numbers as a product sees them; sums that cancel; products below the smallest normal number.
  for (const int exponents : {4, 40, 250}) {
    std::vector<std::uint32_t> a(kCount), b(kCount);
    std::vector<float> sums(kCount);
    const auto pair = [&] {
      return to_bfloat16(any(exponents)).bits | std::uint32_t{to_bfloat16(any(exponents)).bits} << 16;
    };
    for (std::size_t i = 0; i < kCount; ++i) {
      a[i] = pair();
      b[i] = pair();
      sums[i] = any(exponents);
    }
    for (int step = 0; step < 4; ++step) {
      add_pair_dots(a, b, sums);
      for (const float sum : sums) fingerprint.add(sum);
    }
  }
  return fingerprint.hash();
}

}  // namespace rerank
