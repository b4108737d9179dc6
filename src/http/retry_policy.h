// Which requests are sent again, and after how long: one policy for every HTTP client of the program. What is
// decided here is decided by pure functions; nothing is sent.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <stop_token>

#include "http/transfer.h"

namespace rerank {

struct RetryPolicy {
  std::int32_t max_retries = 5;
  std::chrono::milliseconds first_delay{500};  // doubles with each retry up to
  std::chrono::milliseconds longest_delay{30'000};
  // A server that asks for a longer pause is not asked again.
  std::chrono::seconds longest_server_wait{600};
  // The random share of a delay, 1 for "full jitter": clients that failed together do not come back together.
  double jitter = 0.5;
  // Whether 408 and every 5xx are retried, or only statuses by which a server says that it has done nothing.
  bool retries_server_errors = true;

  bool is_retryable(std::int32_t status) const;
  bool accepts(std::optional<std::chrono::milliseconds> server_wait) const;
  // Before retry number `number`, counted from 1: the server's pause and, on top of it, the back-off.
  // `random` is in [0, 1).
  std::chrono::milliseconds delay(std::int32_t number, double random,
                                  std::optional<std::chrono::milliseconds> server_wait) const;
};

// Whether another attempt may succeed: no connection, a lost one, a timeout.
bool is_transient(const TransferError& error);

// The pause that a server asks for: Retry-After, in seconds or as a date, or for status 429 the seconds in
// `RateLimit: "name";r=0;t=17`. Nothing where the headers name none. Never negative, a year at most.
std::optional<std::chrono::milliseconds> server_wait(const TransferHead& head,
                                                     std::chrono::system_clock::time_point now);

// In [0, 1). Safe from any thread.
double random_fraction();

// False if `stop` was requested before the end.
bool sleep_for(std::chrono::milliseconds delay, const std::stop_token& stop);

}  // namespace rerank
