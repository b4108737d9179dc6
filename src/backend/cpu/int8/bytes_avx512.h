// Arithmetic of bytes with AVX-512 VNNI.
#pragma once

#include "backend/cpu/int8/panel.h"
#include "backend/cpu/simd_avx512.h"

namespace rerank::cpu {
namespace {

// Values of rows are stored as unsigned bytes, 128 too large.
struct Avx512Bytes {
  using Ints = __m512i;
  static constexpr int kParts = 1;
  static constexpr int kStepBytes = 4;  // of four values of a row

  static Ints zero() { return _mm512_setzero_si512(); }
  // The larger of absolute values, as bits; that of a NaN is larger than all others.
  static Ints larger(Ints bits, __m512 x) {
    return _mm512_max_epu32(bits, _mm512_and_si512(_mm512_castps_si512(x), _mm512_set1_epi32(0x7fffffff)));
  }
  static float largest(Ints bits) {
    const unsigned largest = _mm512_reduce_max_epu32(bits);
    float value;
    __builtin_memcpy(&value, &largest, 4);
    return value;
  }

  // Rotates 16 values.
  static __m512 turn_vector(__m512 x) {
    x = pairs(x, _mm512_shuffle_f32x4(x, x, 0x4e), 0xff00);
    x = pairs(x, _mm512_shuffle_f32x4(x, x, 0xb1), 0xf0f0);
    x = pairs(x, _mm512_permute_ps(x, 0x4e), 0xcccc);
    return pairs(x, _mm512_permute_ps(x, 0xb1), 0xaaaa);
  }

  // 16 values as steps.
  static void store_steps(const float* x, __m512 inverse, std::byte* to) {
    const __m512i values = _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_load_ps(x), inverse));
    _mm_store_si128(reinterpret_cast<__m128i*>(to),
                    _mm_xor_si128(_mm512_cvtepi32_epi8(values), _mm_set1_epi8(-128)));
  }

  // The bytes of 16 columns, for a step.
  template <int>
  static Ints weights(const std::byte* p) {
    return _mm512_loadu_si512(p);
  }
  static Ints broadcast(std::int32_t step) { return _mm512_set1_epi32(step); }
  static Ints add_products(Ints sums, Ints x, Ints w) { return _mm512_dpbusd_epi32(sums, x, w); }
  static void store(std::int32_t* to, Ints sums) { _mm512_store_si512(to, sums); }
  static __m512 to_floats(const std::int32_t* sums, const std::int32_t* offsets) {
    return _mm512_cvtepi32_ps(_mm512_sub_epi32(_mm512_load_si512(sums), _mm512_loadu_si512(offsets)));
  }

 private:
  // Sums in the lower element of each pair, differences in the upper ones: products with 1 and -1 are exact.
  static __m512 pairs(__m512 x, __m512 other, __mmask16 upper) {
    const __m512 signs = _mm512_mask_mov_ps(_mm512_set1_ps(1), upper, _mm512_set1_ps(-1));
    return _mm512_fmadd_ps(x, signs, other);
  }
};

}  // namespace
}  // namespace rerank::cpu
