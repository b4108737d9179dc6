// The vector operations and operands of products of AVX-512 BF16. Included only by files compiled for it.
#pragma once

#include "backend/cpu/simd_avx512.h"

namespace rerank::cpu {
namespace {

// The processor's own rounding to nearest even; denormals become 0, as vdpbf16ps treats them.
struct Avx512BFloat16 : Avx512 {
  static void store_bfloat16(std::uint16_t* p, Vec x) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), (__m256i)_mm512_cvtneps_pbh(x));
  }
  // 16 pairs of bfloat16, from columns 0 to 15 and 16 to 31.
  static __m512i pairs(Vec low, Vec high) { return (__m512i)_mm512_cvtne2ps_pbh(high, low); }
  static __m512i pairs(Vec low) { return _mm512_castsi256_si512((__m256i)_mm512_cvtneps_pbh(low)); }
};

// How attention stores bfloat16 operands.
struct BFloat16Operands {
  using Row = std::uint16_t;
  static constexpr int kStep = 2;  // values side by side in a panel

  static void store_row(Row* to, __m512 x) { Avx512BFloat16::store_bfloat16(to, x); }
  // Stores 16 columns of two rows of values in pairs; nullptr: zeros.
  static void store_values(const Row* even, const Row* odd, void* to) {
    const auto widened = [](const Row* row) {
      return row == nullptr
                 ? _mm512_setzero_si512()
                 : _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(row)));
    };
    _mm512_storeu_si512(to, _mm512_or_si512(widened(even), _mm512_slli_epi32(widened(odd), 16)));
  }
};

// bfloat16 weights [k / 2][32][2] and bfloat16 rows: a step adds the products of a pair of k values.
struct MultiplyBFloat16 : BFloat16Operands {
  // The pair of row r is at pair r * Stride.
  template <int Rows, int Stride = 1>
  static void step(const Row* rows, const std::byte* weights, __m512 (&sums)[Rows][2]) {
    const __m512bh w0 = (__m512bh)_mm512_loadu_si512(weights);
    const __m512bh w1 = (__m512bh)_mm512_loadu_si512(weights + 64);
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r) {
      const __m512bh x = (__m512bh)_mm512_set1_epi32(reinterpret_cast<const int*>(rows)[r * Stride]);
      sums[r][0] = _mm512_dpbf16_ps(sums[r][0], w0, x);
      sums[r][1] = _mm512_dpbf16_ps(sums[r][1], w1, x);
    }
  }
};

}  // namespace
}  // namespace rerank::cpu
