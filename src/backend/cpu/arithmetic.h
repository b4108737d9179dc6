// Chooses the kernels by what the processor supports, what the options select, and, if both arithmetics are
// possible, which is faster on this machine. The presence of an instruction does not imply that it is fast,
// so the speed is measured once and the result is cached.
#pragma once

#include <string>

#include "backend/backend.h"
#include "backend/cpu/kernels.h"
#include "base/data_type.h"

namespace rerank::cpu {

// Which kernels can be used; another processor's in tests.
using IsSupported = bool (*)(const Kernels&);
inline bool by_this_processor(const Kernels& kernels) {
  return kernels.supported();
}

// The kernels for an instruction set and an arithmetic; nullptr if this build or the processor lacks them.
// "auto" selects the widest instruction set.
const Kernels* find_kernels(const std::string& instruction_set, const Arithmetic& arithmetic,
                            IsSupported is_supported = &by_this_processor);

struct KernelChoice {
  const Kernels* kernels = nullptr;
  std::string reason;             // why they were chosen, with the measured figures
  const Kernels* int8 = nullptr;  // for quantized layers; nullptr: there are none
};

// `checkpoint` is the type of the model's matrices: with dtype "auto", a float32 or float16 checkpoint is
// computed in float32. Throws Error{kUnsupported} naming the option that this processor cannot satisfy.
KernelChoice choose_kernels(const BackendOptions& options, DataType checkpoint,
                            IsSupported is_supported = &by_this_processor);

// GFLOP/s of one thread in a GEMM shaped like a model's.
struct GemmSpeeds {
  double bfloat16 = 0;
  double float32 = 0;
};

// Measures both arithmetics alternately, for a few milliseconds each. Only this thread's processor time and
// each one's best run count, so other programs and quotas do not affect the result.
GemmSpeeds measure_gemms(const Kernels& bfloat16, const Kernels& float32);

// Bfloat16 is the default if the processor supports it: most checkpoints are bfloat16, and activations take
// half the bytes. Float32 needs a clear advantage, since each arithmetic is a bit class of its own, and
// machines of one kind must not differ because of noise. Known processors are far from the threshold: float32
// has 0.5 times the speed of bfloat16 on an AMD Zen 4, 2 times on an Intel Sapphire Rapids without AMX, and
// .15 times with it.
inline constexpr double kClearGain = 1.2;
bool prefers_float32(const GemmSpeeds& speeds);

}  // namespace rerank::cpu
