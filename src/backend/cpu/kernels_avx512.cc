// The kernels for AVX-512: float32 arithmetic. Compiled with -mavx512f -mavx512bw -mavx512dq -mavx512vl.
#include "backend/cpu/attention.inl.h"
#include "backend/cpu/kernel_set.inl.h"
#include "backend/cpu/simd_avx512.h"

namespace rerank::cpu {

const Kernels kAvx512Float32 = kernel_set<Avx512, float>("avx512", &gemm_float32_rows<Avx512>);

}  // namespace rerank::cpu
