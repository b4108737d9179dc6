// Requests to a hub, with retries. The callers interpret the responses.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>

#include "http/retry_policy.h"
#include "http/transfer_pool.h"

namespace rerank {

// Why an attempt failed if another one may succeed: a lost connection, a busy server.
struct RetryableFailure {
  std::string message;
  std::optional<std::chrono::milliseconds> server_wait;  // requested by the server
};

// Sends every request to a hub. Refers to objects of its owner; safe from any thread if `notice` is.
struct HubClient {
  TransferPool& pool;
  RetryPolicy retry;
  std::stop_token stop;
  std::function<void(const std::string&)> notice;  // shows a message, such as about a long wait

  // Returns the response whatever its status, after retrying where the policy says so. `request` has no body.
  // Throws Error or TransferError.
  TransferReply send(const TransferRequest& request) const;

  // The failure if the policy retries this status; otherwise empty.
  std::optional<RetryableFailure> retryable_failure(const TransferHead& head) const;
};

// The failure of an exchange. Rethrows `error` if a retry cannot help: cancelled, an invalid URL, an
// untrusted certificate.
RetryableFailure retryable_failure(const TransferError& error);

// Counts the retries of one request, or of consecutive requests for the same bytes.
class HubRetries {
 public:
  explicit HubRetries(const HubClient& client) : client_(client) {}

  // Call after progress: the retries are counted from zero again.
  void reset() { num_retries_ = 0; }
  // Waits until the next attempt. Throws Error if no retries are left or the server requests too long a wait,
  // TransferError{kCancelled} if stopped.
  void wait_after(const RetryableFailure& failure);

 private:
  const HubClient& client_;
  std::int32_t num_retries_ = 0;
};

}  // namespace rerank
