// The kernels for AVX-512: float32 arithmetic. Compiled with -mavx512f -mavx512bw -mavx512dq -mavx512vl.
#include "backend/cpu/attention.inl.h"
#include "backend/cpu/kernel_set.inl.h"
#include "backend/cpu/processor.h"
#include "backend/cpu/simd_avx512.h"

namespace rerank::cpu {

const Kernels kAvx512Float32 =
    kernel_set<Avx512, VectorGemm<Avx512, MultiplyFloat32<Avx512>>,
               VectorAttend<Avx512, MultiplyFloat32<Avx512>>>("avx512", kFloat32, &has_avx512);
const Kernels kAvx512Float32OfBFloat16 =
    kernel_set<Avx512, VectorGemm<Avx512, MultiplyWidened<Avx512>>,
               VectorAttend<Avx512, MultiplyFloat32<Avx512>>>("avx512", kFloat32OfBFloat16, &has_avx512);

}  // namespace rerank::cpu
