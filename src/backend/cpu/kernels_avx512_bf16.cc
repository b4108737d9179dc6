// The kernels for AVX-512 BF16: bfloat16 arithmetic, summed in float32. Compiled with -mavx512bf16 in
// addition to AVX-512.
#include "backend/cpu/kernel_set.inl.h"
#include "backend/cpu/processor.h"
#include "backend/cpu/simd_avx512_bf16.h"

namespace rerank::cpu {
namespace {

// bfloat16 weights [k / 2][32][2] and bfloat16 rows: a step adds the products of a pair of k values.
struct MultiplyBFloat16 : BFloat16Operands {
  // The pair of row r is at pair r * Stride.
  template <int Rows, int Stride = 1>
  static void step(const Bits16* rows, const std::byte* weights, __m512 (&sums)[Rows][2]) {
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

const Kernels kAvx512BFloat16 =
    kernel_set<Avx512BFloat16, VectorGemm<Avx512BFloat16, MultiplyBFloat16>,
               VectorAttend<Avx512BFloat16, MultiplyBFloat16>>("avx512", kBFloat16, &has_avx512_bfloat16);

}  // namespace rerank::cpu
