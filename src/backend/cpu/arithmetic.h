// Which kernels run here: what the processor can do, what was asked for, and, where both arithmetics are
// possible, which is faster on this machine. An instruction's presence says nothing about its speed, so that
// is measured once and kept.
#pragma once

#include <string>

#include "backend/backend.h"
#include "backend/cpu/kernels.h"
#include "base/data_type.h"

namespace rerank::cpu {

// Every set of kernels, wider instructions first: the one for an instruction set and an arithmetic, nullptr
// where this build or this processor has none. "auto": of the widest instruction set.
const Kernels* find_kernels(const std::string& instruction_set, const Arithmetic& arithmetic);

struct KernelChoice {
  const Kernels* kernels = nullptr;
  std::string reason;  // who or what chose, with the measured figures
};

// `checkpoint` is the type of the model's matrices: with dtype "auto" a float32 or float16 checkpoint is
// computed in float32, since nothing asked for less. Throws Error{kUnsupported} naming the flag that this
// processor cannot serve.
KernelChoice choose_kernels(const BackendOptions& options, DataType checkpoint);

// GFLOP/s of one thread at a GEMM shaped like a model's.
struct GemmSpeeds {
  double bfloat16 = 0;
  double float32 = 0;
};

// Both arithmetics in turn, some milliseconds of each. Counted is the time that this thread was given, and
// the best run of each: who stops it meanwhile, a quota or another program, changes nothing.
GemmSpeeds measure_gemms();

// Bfloat16 is the usual choice where a processor has it: it is what these checkpoints are made in, and half
// the bytes of every activation. Leaving it takes a clear gain, since each arithmetic is a bit class of its
// own and machines of one kind must not differ by a measurement's noise. Known processors are far from the
// border: an AMD Zen 4 has 0.5 times the float32 of its bfloat16, an Intel Sapphire Rapids 2 times.
inline constexpr double kClearGain = 1.2;
bool prefers_float32(const GemmSpeeds& speeds);

}  // namespace rerank::cpu
