// The kernels of quantized layers for AVX-VNNI. Compiled with -mavx2 -mfma -mavxvnni.
#include "backend/cpu/int8/bytes_avx2.h"
#include "backend/cpu/int8/kernel_set.inl.h"
#include "backend/cpu/processor.h"

namespace rerank::cpu {

const Kernels kAvxVnniInt8 =
    int8_kernel_set<Avx2, AvxVnniBytes, Int8Gemm<Avx2, AvxVnniBytes>,
                    VectorAttend<Avx2, MultiplyFloat32<Avx2>>>("avx2", Format::kFloat32, &has_avx_vnni);

}  // namespace rerank::cpu
