#include "hub/hub_client.h"

#include <fmt/format.h>

#include "base/shown_text.h"

namespace rerank {
namespace {

double in_seconds(std::chrono::milliseconds duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace

TransferReply HubClient::send(const TransferRequest& request) const {
  HubRetries retries(*this);
  while (true) {
    RetryableFailure failure;
    try {
      TransferReply reply = pool.perform(request, stop);
      std::optional<RetryableFailure> found = retryable_failure(reply.head);
      if (!found) return reply;
      failure = std::move(*found);
    } catch (const TransferError& error) {
      failure = rerank::retryable_failure(error);
    }
    retries.wait_after(failure);
  }
}

std::optional<RetryableFailure> HubClient::retryable_failure(const TransferHead& head) const {
  if (!retry.is_retryable(head.status)) return std::nullopt;
  return RetryableFailure{fmt::format("{} returned status {}", shown_text(head.url), head.status),
                          server_wait(head, std::chrono::system_clock::now())};
}

RetryableFailure retryable_failure(const TransferError& error) {
  if (!is_transient(error)) throw error;
  return {error.what(), std::nullopt};
}

void HubRetries::wait_after(const RetryableFailure& failure) {
  constexpr const char* kAdvice = "the downloaded part is kept, and the same command resumes it";
  if (num_retries_ == client_.retry.max_retries) {
    throw Error(ErrorCode::kUnavailable,
                fmt::format("{} (tried {} times; {})", failure.message, num_retries_ + 1, kAdvice));
  }
  const auto wait = failure.server_wait;
  if (!client_.retry.accepts(wait)) {
    throw Error(ErrorCode::kUnavailable,
                fmt::format("{}; the hub requests a wait of {:.0f} s: try again after that; {}",
                            failure.message, in_seconds(*wait), kAdvice));
  }
  if (wait && client_.notice) {
    client_.notice(fmt::format("{}; waiting {:.0f} s as requested", failure.message, in_seconds(*wait)));
  }
  ++num_retries_;
  if (!sleep_for(client_.retry.delay(num_retries_, random_fraction(), wait), client_.stop)) {
    throw TransferError(TransferError::Kind::kCancelled, false, "stopped while waiting");
  }
}

}  // namespace rerank
