// When the requests of an open loop are due, whatever becomes of them.
#pragma once

#include <chrono>
#include <cstdint>
#include <random>

namespace rerank::load {

// Independent gaps of a gamma distribution, as vLLM's benchmark draws them: `burstiness` 1 is a Poisson
// process, less comes in bursts, more is more even. The same seed gives the same times.
class Arrivals {
 public:
  // `rate` in requests a second; infinity: all are due at once. Throws Error for a rate or burstiness not
  // above 0.
  Arrivals(double rate, double burstiness, std::uint64_t seed);

  // Of the next request, counted from the start; never earlier than the one before.
  std::chrono::nanoseconds next();

 private:
  bool all_at_once_;
  std::mt19937_64 random_;
  std::gamma_distribution<double> gap_;  // in seconds
  double due_ = 0;                       // of the request given last
};

}  // namespace rerank::load
