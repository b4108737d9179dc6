// What one processor can do at most: loops that stay in registers, and the GEMMs of a model without anything
// else.
#pragma once

#include <cstdint>

#include "backend/cpu/kernels.h"
#include "backend/transformer.h"
#include "base/thread_pool.h"

namespace rerank::benchmarks {

struct RegisterPeaks {
  double bfloat16 = 0;  // GFLOP/s of all threads together, vdpbf16ps; 0 where there is none
  double float32 = 0;   // fused multiply-add, 512 bit; 0 where there is none
  double int8 = 0;      // vpdpbusd, 512 bit; 0 where there is none
};

RegisterPeaks measure_register_peaks(ThreadPool& pool);

}  // namespace rerank::benchmarks
