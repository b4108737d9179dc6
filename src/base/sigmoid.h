// The logistic function, in one place, so that the same logit has the same score wherever it is computed.
#pragma once

#include <cmath>

namespace rerank {

inline float sigmoid(float x) {
  // The form that never overflows on either side.
  if (x >= 0) return 1.0f / (1.0f + std::exp(-x));
  const float e = std::exp(x);
  return e / (1.0f + e);
}

}  // namespace rerank
