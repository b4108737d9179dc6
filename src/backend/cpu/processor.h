// The instruction sets that this processor supports.
#pragma once

namespace rerank::cpu {

bool has_avx2();    // with FMA
bool has_avx512();  // F, BW, DQ, VL, and AVX2
bool has_avx512_bfloat16();

}  // namespace rerank::cpu
