#include "backend/cuda/patience.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdlib>
#include <string_view>

#include "rerank/error.h"

namespace rerank::cuda {

std::chrono::milliseconds Patience::limit_from_environment() {
  constexpr const char* kVariable = "RERANK_TEST_GPU_TIMEOUT";
  const char* const value = std::getenv(kVariable);
  if (value == nullptr || *value == '\0') return Patience{}.limit;
  const std::string_view text = value;
  int seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  require(error == std::errc{} && end == text.data() + text.size() && seconds >= 1 && seconds <= 3600,
          fmt::format("{}={}: give seconds from 1 to 3600", kVariable, text));
  return std::chrono::seconds(seconds);
}

// As cudaEventSynchronize waits, which has no limit: by asking again and again.
void await(const Event& event, int device, const Patience& patience) {
  using Clock = std::chrono::steady_clock;
  constexpr std::chrono::milliseconds kLookEvery{50};
  const Clock::time_point begun = Clock::now();
  Clock::time_point look_at = begun + kLookEvery;
  cudaError_t status = cudaEventQuery(event.get());
  if (status == cudaSuccess) return;
  for (; status == cudaErrorNotReady; status = cudaEventQuery(event.get())) {
    const Clock::time_point now = Clock::now();
    if (now < look_at) continue;
    if (now - begun >= patience.limit) {
      throw Error(
          ErrorCode::kUnavailable,
          fmt::format("GPU {} has not finished a batch within {} s: it hangs, or others keep it busy", device,
                      std::chrono::duration_cast<std::chrono::seconds>(patience.limit).count()));
    }
    if (patience.look) patience.look();
    look_at = now + kLookEvery;
  }
  cudaGetLastError();  // "not ready" counts as one, which the next launch must not find
  cuda_check(status, "cudaEventQuery");
}

}  // namespace rerank::cuda
