// Requests to a hub, with retries. What an answer means is for the callers to say.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>

#include "http/retry_policy.h"
#include "http/transfer_pool.h"

namespace rerank {

// Why an attempt failed, when another one may succeed: a lost connection, a server that is busy.
struct RetryableFailure {
  std::string message;
  std::optional<std::chrono::milliseconds> server_wait;  // as the server requested
};

// What every request to a hub goes through. Refers to what its owner keeps; safe from any thread if `notice`
// is.
struct HubClient {
  TransferPool& pool;
  RetryPolicy retry;
  std::stop_token stop;
  std::function<void(const std::string&)> notice;  // of something people may want to know: a long wait

  // The answer to a request without a body, whatever its status, except that retryable ones are retried.
  // Throws Error or TransferError.
  TransferReply send(const TransferRequest& request) const;

  // The failure in an answer whose status the policy retries; nothing for any other.
  std::optional<RetryableFailure> retryable_failure(const TransferHead& head) const;
};

// The failure in an exchange that may succeed next time. Throws the error itself where it cannot: cancelled,
// an invalid URL, an untrusted certificate.
RetryableFailure retryable_failure(const TransferError& error);

// The retries of one request, or of several in a row for the same bytes.
class HubRetries {
 public:
  explicit HubRetries(const HubClient& client) : client_(client) {}

  // After progress: the retries are counted from zero again.
  void reset() { num_retries_ = 0; }
  // Waits until the next attempt. Throws Error with the failure's message when the retries are used up or the
  // server asks for too long a pause, TransferError{kCancelled} when stopped.
  void wait_after(const RetryableFailure& failure);

 private:
  const HubClient& client_;
  std::int32_t num_retries_ = 0;
};

}  // namespace rerank
