// Which kernels run here: what the processor can do, what was asked for, and, where both arithmetics are
// possible, which is faster on this machine. An instruction's presence says nothing about its speed, so that
// is measured once and kept.
#pragma once

#include <string>

#include "backend/backend.h"
#include "backend/cpu/kernels.h"
#include "base/data_type.h"

namespace rerank::cpu {

struct KernelChoice {
  const Kernels* kernels = nullptr;
  std::string reason;  // who or what chose, with the measured figures
};

// `checkpoint` is the type of the model's matrices: with dtype "auto" a float32 or float16 checkpoint is
// computed in float32, since nothing asked for less. Throws Error{kUnsupported} naming the flag that this
// processor cannot serve.
KernelChoice choose_kernels(const BackendOptions& options, DataType checkpoint);

// GFLOP/s of one thread at a GEMM shaped like a model's, a few milliseconds of it.
double measure_gemm(const Kernels& kernels);

}  // namespace rerank::cpu
