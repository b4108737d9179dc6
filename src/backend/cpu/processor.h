// The instruction sets that this processor supports.
#pragma once

namespace rerank::cpu {

bool has_avx2();    // with FMA
bool has_avx512();  // F, BW, DQ, VL, and AVX2
bool has_avx_vnni();
bool has_avx512_vnni();
bool has_avx512_bfloat16();
bool has_amx_bfloat16();   // and AVX-512 BF16, and the system lets this process use tiles
bool has_amx_int8();       // in addition, and AVX-512 VNNI
const char* why_no_amx();  // "" if has_amx_bfloat16(); asks the system on the first call

}  // namespace rerank::cpu
