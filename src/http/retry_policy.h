// Which failed requests are retried, and after what delay: one policy for every HTTP client of the program.
// The decisions are pure functions; nothing is sent here.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <stop_token>

#include "http/transfer.h"

namespace rerank {

struct RetryPolicy {
  std::int32_t max_retries = 5;
  std::chrono::milliseconds first_delay{500};  // doubles with each retry, up to longest_delay
  std::chrono::milliseconds longest_delay{30'000};
  // If the server requests a longer wait, there is no retry.
  std::chrono::seconds longest_server_wait{600};
  // The random share of a delay, 1 for "full jitter", so that clients that failed together do not retry
  // together.
  double jitter = 0.5;
  // Retry 408 and every 5xx too, rather than only the statuses that say that the server has done nothing.
  bool retries_server_errors = true;

  bool is_retryable(std::int32_t status) const;
  bool accepts(std::optional<std::chrono::milliseconds> server_wait) const;
  // Before retry `number`, counted from 1: the wait that the server requested plus the back-off. `random` is
  // in [0, 1).
  std::chrono::milliseconds delay(std::int32_t number, double random,
                                  std::optional<std::chrono::milliseconds> server_wait) const;
};

// Whether another attempt may succeed: failed to connect, lost the connection, or timed out.
bool is_transient(const TransferError& error);

// The wait that a server requests: Retry-After, in seconds or as a date; for status 429 also the seconds in
// `RateLimit: "name";r=0;t=17`. Empty if neither header says it. From 0 to a year.
std::optional<std::chrono::milliseconds> server_wait(const TransferHead& head,
                                                     std::chrono::system_clock::time_point now);

// In [0, 1). Safe from any thread.
double random_fraction();

// Returns false if `stop` was requested before the delay was over.
bool sleep_for(std::chrono::milliseconds delay, const std::stop_token& stop);

}  // namespace rerank
