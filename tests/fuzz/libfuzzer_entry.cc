// Where libFuzzer enters a target.
#include <cstddef>
#include <cstdint>

#include "tests/fuzz/fuzz_target.h"

namespace rerank::fuzz {

const bool kRunsEachInputOnce = false;

}  // namespace rerank::fuzz

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  rerank::fuzz::run_input({reinterpret_cast<const char*>(data), size});
  return 0;
}
