// The kernels for AVX2: float32 arithmetic. Compiled with -mavx2 -mfma.
#include "backend/cpu/attention.inl.h"
#include "backend/cpu/kernel_set.inl.h"
#include "backend/cpu/processor.h"
#include "backend/cpu/simd_avx2.h"

namespace rerank::cpu {

const Kernels kAvx2Float32 =
    kernel_set<Avx2, VectorGemm<Avx2, MultiplyFloat32<Avx2>>, VectorAttend<Avx2, MultiplyFloat32<Avx2>>>(
        "avx2", kFloat32, &has_avx2);
const Kernels kAvx2Float32OfBFloat16 =
    kernel_set<Avx2, VectorGemm<Avx2, MultiplyWidened<Avx2>>, VectorAttend<Avx2, MultiplyFloat32<Avx2>>>(
        "avx2", kFloat32OfBFloat16, &has_avx2);

}  // namespace rerank::cpu
