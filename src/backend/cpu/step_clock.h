// Measures the time of each step of forward passes and counts its work, for benchmarks.
#pragma once

#include <time.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <utility>

namespace rerank::cpu {

enum class Step : std::size_t {
  kEmbed,
  kNorms,
  kQkv,
  kHeads,  // norms and rotations of heads, storing keys and values
  kAttention,
  kOutput,
  kMlpIn,
  kMlpOut,
  kQuantize,  // of rows that attention and the MLP wrote
  kHead,      // with pooling
};
inline constexpr std::size_t kNumSteps = 10;
inline constexpr std::array<const char*, kNumSteps> kStepNames = {
    "embed",  "norms",   "qkv",           "heads, store", "attention", "attention output",
    "MLP in", "MLP out", "quantize rows", "pool, head"};

struct StepTime {
  double seconds = 0;
  double cpu_seconds = 0;  // of all threads of this process: what busy neighbours change less
  double flop = 0;         // of products and attention
  double bytes = 0;        // that the other steps read and write
};
using StepTimes = std::array<StepTime, kNumSteps>;

class StepClock {
 public:
  // Runs the body, which is (a part of) a step with this work.
  template <typename Body>
  void time(Step step, double flop, double bytes, const Body& body) {
    const auto begin = std::chrono::steady_clock::now();
    const double cpu_begin = cpu_seconds();
    body();
    StepTime& sum = times_[static_cast<std::size_t>(step)];
    sum.cpu_seconds += cpu_seconds() - cpu_begin;
    sum.seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    sum.flop += flop;
    sum.bytes += bytes;
  }
  // The sums since the last call.
  StepTimes take() { return std::exchange(times_, {}); }

 private:
  static double cpu_seconds() {
    timespec now = {};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
  }

  StepTimes times_;
};

}  // namespace rerank::cpu
