// What the system keeps from a program is not used, and the reason is said.
#include "backend/cpu/processor.h"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "backend/cpu/arithmetic.h"
#include "tests/support/deny_amx.h"
#include "tests/support/error_of.h"

namespace rerank::cpu {
namespace {

constexpr int kNothingToDeny = 2;

// Ends this process with 0 if the next set is taken where AMX is not asked for.
[[noreturn]] void choose_without_amx() {
  if (!deny_amx() || why_no_amx() == std::string("this processor lacks it")) std::exit(kNothingToDeny);
  const auto options = [](const std::string& set) {
    return BackendOptions{.device = "cpu",
                          .dtype = "bfloat16",
                          .quantization = "int8",
                          .instruction_set = set,
                          .cache_directory = ""};
  };
  const KernelChoice choice = choose_kernels(options("auto"), DataType::kBFloat16);
  const std::string refusal = error_of([&] { choose_kernels(options("amx"), DataType::kBFloat16); });
  const bool right = choice.kernels == &kAvx512BFloat16 && choice.int8 == &kAvx512VnniInt8WithBFloat16 &&
                     choice.reason == "asked for; no AMX: the system keeps it from this process" &&
                     refusal == "instruction_set: no AMX for bfloat16: the system keeps it from this process";
  if (!right) std::fprintf(stderr, "%s, %s\n", choice.reason.c_str(), refusal.c_str());
  std::exit(right ? 0 : 1);
}

TEST(ProcessorDeathTest, AmxThatTheSystemDenies) {
  // A process of its own, which has not asked yet.
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  int code = -1;
  const auto right_or_nothing = [&code](int status) {
    code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return code == 0 || code == kNothingToDeny;
  };
  EXPECT_EXIT(choose_without_amx(), right_or_nothing, "");
  if (code == kNothingToDeny) GTEST_SKIP() << "no AMX on this processor, or no filters of system calls";
}

}  // namespace
}  // namespace rerank::cpu
