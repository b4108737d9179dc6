#include "load/arrivals.h"

#include <cmath>

#include "rerank/error.h"

namespace rerank::load {

Arrivals::Arrivals(double rate, double burstiness, std::uint64_t seed)
    : all_at_once_(std::isinf(rate)), random_(seed) {
  require(rate > 0, "a request rate must be above 0; use inf to send all requests at once");
  require(burstiness > 0 && std::isfinite(burstiness),
          "the burstiness must be a number above 0; 1 is a Poisson process");
  if (!all_at_once_) gap_ = std::gamma_distribution<double>(burstiness, 1 / (rate * burstiness));
}

std::chrono::nanoseconds Arrivals::next() {
  if (all_at_once_) return std::chrono::nanoseconds(0);
  due_ += gap_(random_);
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>(due_));
}

}  // namespace rerank::load
