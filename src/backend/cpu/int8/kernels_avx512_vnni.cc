// The kernels of quantized layers for AVX-512 VNNI, with keys in float32. Compiled with -mavx512vnni in
// addition to AVX-512.
#include "backend/cpu/int8/bytes_avx512.h"
#include "backend/cpu/int8/kernel_set.inl.h"
#include "backend/cpu/processor.h"

namespace rerank::cpu {

const Kernels kAvx512VnniInt8 = int8_kernel_set<Avx512, Avx512Bytes, Int8Gemm<Avx512, Avx512Bytes>,
                                                VectorAttend<Avx512, MultiplyFloat32<Avx512>>>(
    "avx512", Format::kFloat32, &has_avx512_vnni);

}  // namespace rerank::cpu
