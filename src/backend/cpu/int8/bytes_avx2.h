// Arithmetic of bytes with AVX2, and with AVX-VNNI where the file that includes it is compiled for it.
#pragma once

#include "backend/cpu/int8/panel.h"
#include "backend/cpu/simd_avx2.h"

namespace rerank::cpu {
namespace {

// What both have in common.
struct Avx2Int8 {
  using Ints = __m256i;

  static Ints zero() { return _mm256_setzero_si256(); }
  static Ints load(const std::int32_t* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }
  static Ints broadcast(std::int32_t x) { return _mm256_set1_epi32(x); }
  static void store(std::int32_t* to, Ints x) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), x); }
  // The larger of absolute values, as bits; that of a NaN is larger than all others.
  static Ints larger(Ints bits, __m256 x) {
    return _mm256_max_epu32(bits, _mm256_and_si256(_mm256_castps_si256(x), _mm256_set1_epi32(0x7fffffff)));
  }
  static float largest(Ints bits) {
    __m128i most = _mm_max_epu32(_mm256_castsi256_si128(bits), _mm256_extracti128_si256(bits, 1));
    most = _mm_max_epu32(most, _mm_shuffle_epi32(most, 0x4e));
    most = _mm_max_epu32(most, _mm_shuffle_epi32(most, 0xb1));
    return _mm_cvtss_f32(_mm_castsi128_ps(most));
  }

  // Rotates 8 values.
  static __m256 turn_vector(__m256 x) {
    x = pairs<0xf0>(x, _mm256_permute2f128_ps(x, x, 1));
    x = pairs<0xcc>(x, _mm256_permute_ps(x, 0x4e));
    return pairs<0xaa>(x, _mm256_permute_ps(x, 0xb1));
  }

  // 16 values as int16.
  static __m256i rounded(const float* x, __m256 inverse) {
    const __m256i low = _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_load_ps(x), inverse));
    const __m256i high = _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_load_ps(x + 8), inverse));
    return _mm256_permute4x64_epi64(_mm256_packs_epi32(low, high), 0xd8);
  }

 private:
  // Sums in the lower element of each pair, differences in the upper ones.
  template <int Upper>
  static __m256 pairs(__m256 x, __m256 other) {
    return _mm256_blend_ps(_mm256_add_ps(x, other), _mm256_sub_ps(other, x), Upper);
  }
};

// Values of rows are stored as int16, the even ones of a step before the odd ones, and weights are widened in
// registers: vpmaddubsw would saturate.
struct Avx2Bytes : Avx2Int8 {
  static constexpr int kParts = 2;
  static constexpr int kStepBytes = 8;

  static void store_steps(const float* x, __m256 inverse, std::byte* to) {
    const __m256i order =
        _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15));
    _mm256_store_si256(reinterpret_cast<__m256i*>(to), _mm256_shuffle_epi8(rounded(x, inverse), order));
  }

  // The even or odd bytes of 8 columns, for a step.
  template <int Part>
  static Ints weights(const std::byte* p) {
    const Ints bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
    return _mm256_srai_epi16(Part == 0 ? _mm256_slli_epi16(bytes, 8) : bytes, 8);
  }
  static Ints add_products(Ints sums, Ints x, Ints w) {
    return _mm256_add_epi32(sums, _mm256_madd_epi16(x, w));
  }
  static __m256 to_floats(const std::int32_t* sums, const std::int32_t*) {
    return _mm256_cvtepi32_ps(load(sums));
  }
};

#ifdef __AVXVNNI__
// Values of rows are stored as unsigned bytes, 128 too large.
struct AvxVnniBytes : Avx2Int8 {
  static constexpr int kParts = 1;
  static constexpr int kStepBytes = 4;

  static void store_steps(const float* x, __m256 inverse, std::byte* to) {
    const __m256i words = rounded(x, inverse);
    const __m128i bytes = _mm_packs_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
    _mm_store_si128(reinterpret_cast<__m128i*>(to), _mm_xor_si128(bytes, _mm_set1_epi8(-128)));
  }

  // The bytes of 8 columns, for a step.
  template <int>
  static Ints weights(const std::byte* p) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  }
  static Ints add_products(Ints sums, Ints x, Ints w) { return _mm256_dpbusd_avx_epi32(sums, x, w); }
  static __m256 to_floats(const std::int32_t* sums, const std::int32_t* offsets) {
    return _mm256_cvtepi32_ps(_mm256_sub_epi32(load(sums), load(offsets)));
  }
};
#endif

}  // namespace
}  // namespace rerank::cpu
