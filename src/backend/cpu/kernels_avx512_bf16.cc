// The kernels for AVX-512 BF16: bfloat16 arithmetic, summed in float32. Compiled with -mavx512bf16 in
// addition to AVX-512.
#include "backend/cpu/kernel_set.inl.h"
#include "backend/cpu/processor.h"
#include "backend/cpu/simd_avx512_bf16.h"

namespace rerank::cpu {

const Kernels kAvx512BFloat16 =
    kernel_set<Avx512BFloat16, VectorGemm<Avx512BFloat16, MultiplyBFloat16>,
               VectorAttend<Avx512BFloat16, MultiplyBFloat16>>("avx512", kBFloat16, &has_avx512_bfloat16);

}  // namespace rerank::cpu
