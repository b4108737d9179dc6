// The kernels for AVX2: float32 arithmetic. Compiled with -mavx2 -mfma.
#include "backend/cpu/attention.inl.h"
#include "backend/cpu/kernel_set.inl.h"
#include "backend/cpu/simd_avx2.h"

namespace rerank::cpu {

const Kernels kAvx2Float32 = kernel_set<Avx2, float>("avx2", &gemm_float32_rows<Avx2>);

}  // namespace rerank::cpu
