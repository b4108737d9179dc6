#include "backend/cpu/processor.h"

#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace rerank::cpu {
namespace {

// __builtin_cpu_supports of g++ 12 or of clang 14 does not know these.
constexpr unsigned kAmxBFloat16 = 1u << 22, kAmxTile = 1u << 24, kAmxInt8 = 1u << 25;
bool has_instructions(unsigned features) {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (d & features) == features;
}
bool has_avx_vnni_instructions() {
  constexpr unsigned kAvxVnni = 1u << 4;
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0 && (a & kAvxVnni) != 0;
}

// Linux keeps the memory for a thread's tiles, 8 KiB, to processes that ask. It then holds for all threads.
bool ask_for_tiles() {
  constexpr long kRequestPermission = 0x1023;  // ARCH_REQ_XCOMP_PERM
  constexpr long kTileData = 18;
  return ::syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

}  // namespace

bool has_avx2() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

bool has_avx512() {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

bool has_avx_vnni() {
  return has_avx2() && has_avx_vnni_instructions();
}

bool has_avx512_vnni() {
  return has_avx512() && __builtin_cpu_supports("avx512vnni");
}

bool has_avx512_bfloat16() {
  return has_avx512() && __builtin_cpu_supports("avx512bf16");
}

const char* why_no_amx() {
  static const char* const why = !has_avx512_bfloat16() || !has_instructions(kAmxTile | kAmxBFloat16)
                                     ? "this processor lacks it"
                                 : !ask_for_tiles() ? "the system keeps it from this process"
                                                    : "";
  return why;
}

bool has_amx_bfloat16() {
  return *why_no_amx() == '\0';
}

bool has_amx_int8() {
  return has_amx_bfloat16() && has_avx512_vnni() && has_instructions(kAmxInt8);
}

}  // namespace rerank::cpu
