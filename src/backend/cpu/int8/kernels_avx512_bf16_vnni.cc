// The kernels of quantized layers for AVX-512 VNNI, with keys in bfloat16. Compiled with -mavx512vnni
// -mavx512bf16 in addition to AVX-512.
#include "backend/cpu/int8/bytes_avx512.h"
#include "backend/cpu/int8/kernel_set.inl.h"
#include "backend/cpu/processor.h"
#include "backend/cpu/simd_avx512_bf16.h"

namespace rerank::cpu {
namespace {

bool is_supported() {
  return has_avx512_vnni() && has_avx512_bfloat16();
}

}  // namespace

const Kernels kAvx512VnniInt8WithBFloat16 =
    int8_kernel_set<Avx512BFloat16, Avx512Bytes, Int8Gemm<Avx512BFloat16, Avx512Bytes>,
                    VectorAttend<Avx512BFloat16, MultiplyBFloat16>>("avx512", Format::kBFloat16,
                                                                    &is_supported);

}  // namespace rerank::cpu
