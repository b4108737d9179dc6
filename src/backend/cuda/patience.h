// Waits for a device with a timeout.
#pragma once

#include <chrono>
#include <functional>

#include "backend/cuda/device.h"

namespace rerank::cuda {

struct Patience {
  std::chrono::milliseconds limit{60'000};  // for a batch; 0: unlimited
  std::function<void()> look;               // called periodically while waiting; may throw; may be empty
};

// Waits for `event`. Throws Error{kUnavailable} if that takes too long or the device has failed.
void await(const Event& event, int device, const Patience& patience);

}  // namespace rerank::cuda
