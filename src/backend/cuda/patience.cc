#include "backend/cuda/patience.h"

#include <fmt/format.h>

#include "rerank/error.h"

namespace rerank::cuda {

// Polls like cudaEventSynchronize, which has no timeout.
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
    if (patience.limit.count() != 0 && now - begun >= patience.limit) {
      throw Error(ErrorCode::kUnavailable,
                  fmt::format("GPU {} has not finished a batch within {} s: it hangs, or others keep it busy",
                              device, std::chrono::duration<double>(patience.limit).count()));
    }
    if (patience.look) patience.look();
    look_at = now + kLookEvery;
  }
  cudaGetLastError();  // clears "not ready", which the next launch would report
  cuda_check(status, "cudaEventQuery");
}

}  // namespace rerank::cuda
