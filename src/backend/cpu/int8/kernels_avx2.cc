// The kernels of quantized layers for AVX2. Compiled with -mavx2 -mfma.
#include "backend/cpu/int8/bytes_avx2.h"
#include "backend/cpu/int8/kernel_set.inl.h"
#include "backend/cpu/processor.h"

namespace rerank::cpu {

const Kernels kAvx2Int8 =
    int8_kernel_set<Avx2, Avx2Bytes, Int8Gemm<Avx2, Avx2Bytes>, VectorAttend<Avx2, MultiplyFloat32<Avx2>>>(
        "avx2", Format::kFloat32, &has_avx2);

}  // namespace rerank::cpu
