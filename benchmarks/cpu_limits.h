// What one processor can multiply at most: loops that stay in registers and, on tiles, in the L1 cache.
#pragma once

#include "backend/cpu/kernels.h"
#include "base/thread_pool.h"

namespace rerank::benchmarks {

// GFLOP/s of all threads together; 0 where there is no such instruction.
struct Peaks {
  double bfloat16 = 0;  // vdpbf16ps, 512 bit
  double float32 = 0;   // fused multiply-add, 512 bit
  double int8 = 0;      // vpdpbusd, 512 bit
  // Of AMX with the loads from L1 that 2 x 2 blocks of sums need.
  double tile_bfloat16 = 0;
  double tile_int8 = 0;
};

Peaks measure_peaks(ThreadPool& pool);

// The peak of the instruction that these kernels multiply with.
double peak_of(const Peaks& peaks, const cpu::Kernels& kernels);

}  // namespace rerank::benchmarks
