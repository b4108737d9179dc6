// Waiting for a device, but not for ever.
#pragma once

#include <chrono>
#include <functional>

#include "backend/cuda/device.h"

namespace rerank::cuda {

// How long a device may take for a batch. The largest of the largest model takes some seconds.
struct Patience {
  std::chrono::milliseconds limit{60'000};
  std::function<void()> look;  // called now and then while waiting; may throw; may be empty

  // 60 s, or $RERANK_TEST_GPU_TIMEOUT seconds, for tests. Throws Error naming it when it is no such number.
  static std::chrono::milliseconds limit_from_environment();
};

// Until `event` has come. Throws Error{kUnavailable} when that takes too long or the device has failed.
void await(const Event& event, int device, const Patience& patience);

}  // namespace rerank::cuda
