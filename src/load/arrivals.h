// The times at which the requests of an open loop are due.
#pragma once

#include <chrono>
#include <cstdint>
#include <random>

namespace rerank::load {

// Independent gaps with a gamma distribution, as in vLLM's benchmark: burstiness 1 is a Poisson process,
// lower values are burstier, higher ones more even. The same seed gives the same times.
class Arrivals {
 public:
  // `rate`: in requests per second; infinity: all are due at once. Throws Error unless rate and burstiness
  // are above 0.
  Arrivals(double rate, double burstiness, std::uint64_t seed);

  // The due time of the next request since the start; never earlier than the one before.
  std::chrono::nanoseconds next();

 private:
  bool all_at_once_;
  std::mt19937_64 random_;
  std::gamma_distribution<double> gap_;  // in seconds
  double due_ = 0;                       // of the latest request
};

}  // namespace rerank::load
