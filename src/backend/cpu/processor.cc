#include "backend/cpu/processor.h"

#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace rerank::cpu {
namespace {

// __builtin_cpu_supports of g++ 12 and clang 14 does not know these.
bool has_amx_instructions() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0) return false;
  constexpr unsigned kBFloat16 = 1u << 22, kTile = 1u << 24;
  return (d & kBFloat16) != 0 && (d & kTile) != 0;
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

bool has_avx512_bfloat16() {
  return has_avx512() && __builtin_cpu_supports("avx512bf16");
}

const char* why_no_amx() {
  static const char* const why = !has_avx512_bfloat16() || !has_amx_instructions() ? "this processor lacks it"
                                 : !ask_for_tiles() ? "the system keeps it from this process"
                                                    : "";
  return why;
}

bool has_amx_bfloat16() {
  return *why_no_amx() == '\0';
}

}  // namespace rerank::cpu
