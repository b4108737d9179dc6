// The vector operations of the CPU kernels for AVX-512 (F, BW, DQ, VL). Included only by files compiled for
// it.
#pragma once

#include <immintrin.h>

#include <cstdint>

#include "backend/cpu/row_tiles.inl.h"

namespace rerank::cpu {
namespace {

struct Avx512 {
  using Vec = __m512;
  static constexpr int kWidth = 16;
  template <class V, class Row>
  using Tiles = InterleavedTiles<V, Row>;
  // 384 KiB of bfloat16. Smaller blocks would read the weights more often, which costs float32 more than
  // exceeding the cache.
  static constexpr std::int64_t kRowBlockValues = 192 << 10;
  static constexpr int kTileRows = 14;  // 14 x 2 accumulators, 2 weights, 1 broadcast: 31 of 32 registers

  static Vec zero() { return _mm512_setzero_ps(); }
  static Vec set1(float x) { return _mm512_set1_ps(x); }
  static Vec load(const float* p) { return _mm512_loadu_ps(p); }
  static void store(float* p, Vec x) { _mm512_storeu_ps(p, x); }
  static Vec add(Vec a, Vec b) { return _mm512_add_ps(a, b); }
  static Vec sub(Vec a, Vec b) { return _mm512_sub_ps(a, b); }
  static Vec mul(Vec a, Vec b) { return _mm512_mul_ps(a, b); }
  static Vec div(Vec a, Vec b) { return _mm512_div_ps(a, b); }
  static Vec max(Vec a, Vec b) { return _mm512_max_ps(a, b); }
  static Vec min(Vec a, Vec b) { return _mm512_min_ps(a, b); }
  static Vec fma(Vec a, Vec b, Vec c) { return _mm512_fmadd_ps(a, b, c); }
  static Vec round(Vec a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
  // 2^n * x for an integer n.
  static Vec scale_by_power_of_two(Vec x, Vec n) { return _mm512_scalef_ps(x, n); }
  // x - floor(x), which is 0 for infinity, and x * 2^floor(n).
  static constexpr bool kScalesByFloor = true;
  static Vec fraction(Vec x) { return _mm512_reduce_ps(x, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC); }
  static Vec scale_by_floor(Vec x, Vec n) { return _mm512_scalef_ps(x, n); }
  // x if a >= b, otherwise 0.
  static Vec keep_where_not_less(Vec x, Vec a, Vec b) {
    return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(a, b, _CMP_GE_OQ), x);
  }
  static float sum(Vec x) { return _mm512_reduce_add_ps(x); }
  static float largest(Vec x) { return _mm512_reduce_max_ps(x); }

  // Transposes 32-bit words: to[c * stride + r] = rows[r][c] for rows first_row to end_row - 1 and columns 0
  // to NumColumns - 1.
  static constexpr bool kTransposes = true;
  template <int NumColumns>
  static void store_transposed(const __m512i (&rows)[16], std::uint32_t* to, int stride, int first_row,
                               int end_row) {
    const auto mask = static_cast<__mmask16>((1u << end_row) - (1u << first_row));
    __m512i a[16], b[16];
#pragma GCC unroll 8
    for (int i = 0; i < 8; ++i) {
      a[2 * i] = _mm512_unpacklo_epi32(rows[2 * i], rows[2 * i + 1]);
      a[2 * i + 1] = _mm512_unpackhi_epi32(rows[2 * i], rows[2 * i + 1]);
    }
    // b[4 i + j]: column j of every lane, of rows 4 i to 4 i + 3.
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
      b[4 * i] = _mm512_unpacklo_epi64(a[4 * i], a[4 * i + 2]);
      b[4 * i + 1] = _mm512_unpackhi_epi64(a[4 * i], a[4 * i + 2]);
      b[4 * i + 2] = _mm512_unpacklo_epi64(a[4 * i + 1], a[4 * i + 3]);
      b[4 * i + 3] = _mm512_unpackhi_epi64(a[4 * i + 1], a[4 * i + 3]);
    }
    const auto store = [&](int column, __m512i words) {
      if (column < NumColumns) {
        _mm512_mask_storeu_epi32(to + column * stride, mask, words);
      }
    };
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) {
      const __m512i low0 = _mm512_shuffle_i32x4(b[j], b[4 + j], 0x44);
      const __m512i high0 = _mm512_shuffle_i32x4(b[j], b[4 + j], 0xee);
      const __m512i low1 = _mm512_shuffle_i32x4(b[8 + j], b[12 + j], 0x44);
      const __m512i high1 = _mm512_shuffle_i32x4(b[8 + j], b[12 + j], 0xee);
      store(j, _mm512_shuffle_i32x4(low0, low1, 0x88));
      store(4 + j, _mm512_shuffle_i32x4(low0, low1, 0xdd));
      store(8 + j, _mm512_shuffle_i32x4(high0, high1, 0x88));
      store(12 + j, _mm512_shuffle_i32x4(high0, high1, 0xdd));
    }
  }
  static __m512i load_words(const void* from, int count) {
    return _mm512_maskz_loadu_epi32(static_cast<__mmask16>((1u << count) - 1), from);
  }
  static __m512i words(Vec x) {
    return _mm512_castps_si512(x);
  }
  static __m512i zero_words() {
    return _mm512_setzero_si512();
  }

  // The even or odd elements of kWidth pairs of bfloat16, widened.
  static Vec even_bfloat16(const void* pairs) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_loadu_si512(pairs), 16));
  }
  static Vec odd_bfloat16(const void* pairs) {
    return _mm512_castsi512_ps(
        _mm512_and_si512(_mm512_loadu_si512(pairs), _mm512_set1_epi32(static_cast<int>(0xffff0000u))));
  }
  static Vec load_bfloat16(const std::uint16_t* p) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(
        _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))), 16));
  }
  // Rounds to nearest even. REQUIRES: no NaN.
  static void store_bfloat16(std::uint16_t* p, Vec x) {
    const __m512i bits = _mm512_castps_si512(x);
    const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    const __m512i rounded = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtepi32_epi16(_mm512_srli_epi32(rounded, 16)));
  }
};

}  // namespace
}  // namespace rerank::cpu
