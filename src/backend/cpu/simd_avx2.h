// The vector operations of the CPU kernels for AVX2 with FMA. Included only by files compiled for it.
#pragma once

#include <immintrin.h>

#include <cstdint>

#include "backend/cpu/row_tiles.inl.h"

namespace rerank::cpu {
namespace {

struct Avx2 {
  using Vec = __m256;
  static constexpr int kWidth = 8;
  template <class V, class Row>
  using Tiles = InterleavedTiles<V, Row>;
  // 384 KiB of bfloat16. Smaller blocks would read the weights more often, which costs float32 more than
  // exceeding the cache.
  static constexpr std::int64_t kRowBlockValues = 192 << 10;
  static constexpr int kTileRows = 6;  // 6 x 2 accumulators, 2 weights, 1 broadcast: 15 of 16 registers

  static constexpr bool kTransposes = false;
  static constexpr bool kScalesByFloor = false;

  static Vec zero() { return _mm256_setzero_ps(); }
  static Vec set1(float x) { return _mm256_set1_ps(x); }
  static Vec load(const float* p) { return _mm256_loadu_ps(p); }
  static void store(float* p, Vec x) { _mm256_storeu_ps(p, x); }
  static Vec add(Vec a, Vec b) { return _mm256_add_ps(a, b); }
  static Vec sub(Vec a, Vec b) { return _mm256_sub_ps(a, b); }
  static Vec mul(Vec a, Vec b) { return _mm256_mul_ps(a, b); }
  static Vec div(Vec a, Vec b) { return _mm256_div_ps(a, b); }
  static Vec max(Vec a, Vec b) { return _mm256_max_ps(a, b); }
  static Vec min(Vec a, Vec b) { return _mm256_min_ps(a, b); }
  static Vec fma(Vec a, Vec b, Vec c) { return _mm256_fmadd_ps(a, b, c); }
  static Vec round(Vec a) { return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
  // 2^n * x for an integer n, by adding n to the exponent.
  static Vec scale_by_power_of_two(Vec x, Vec n) {
    return _mm256_castsi256_ps(
        _mm256_add_epi32(_mm256_castps_si256(x), _mm256_slli_epi32(_mm256_cvtps_epi32(n), 23)));
  }
  // x if a >= b, otherwise 0.
  static Vec keep_where_not_less(Vec x, Vec a, Vec b) {
    return _mm256_and_ps(x, _mm256_cmp_ps(a, b, _CMP_GE_OQ));
  }
  static float sum(Vec x) {
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
  }
  static float largest(Vec x) {
    __m128 s = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    s = _mm_max_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_max_ss(s, _mm_movehdup_ps(s)));
  }

  // The even or odd elements of kWidth pairs of bfloat16, widened.
  static Vec even_bfloat16(const void* pairs) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_loadu_si256(static_cast<const __m256i*>(pairs)), 16));
  }
  static Vec odd_bfloat16(const void* pairs) {
    return _mm256_castsi256_ps(_mm256_and_si256(_mm256_loadu_si256(static_cast<const __m256i*>(pairs)),
                                                _mm256_set1_epi32(static_cast<int>(0xffff0000u))));
  }
  static Vec load_bfloat16(const std::uint16_t* p) {
    return _mm256_castsi256_ps(
        _mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))), 16));
  }
  // Rounds to nearest even. REQUIRES: no NaN.
  static void store_bfloat16(std::uint16_t* p, Vec x) {
    const __m256i bits = _mm256_castps_si256(x);
    const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    const __m256i rounded =
        _mm256_srli_epi32(_mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff))), 16);
    const __m256i packed = _mm256_permute4x64_epi64(_mm256_packus_epi32(rounded, rounded), 0x08);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm256_castsi256_si128(packed));
  }
};

}  // namespace
}  // namespace rerank::cpu
