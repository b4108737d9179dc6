// Waiting for a device, but not for ever.
#pragma once

#include <chrono>
#include <functional>

#include "backend/cuda/device.h"

namespace rerank::cuda {

struct Patience {
  std::chrono::milliseconds limit{60'000};  // for a batch; 0: none
  std::function<void()> look;               // called now and then while waiting; may throw; may be empty
};

// Until `event` has come. Throws Error{kUnavailable} when that takes too long or the device has failed.
void await(const Event& event, int device, const Patience& patience);

}  // namespace rerank::cuda
