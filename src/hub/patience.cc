#include "hub/patience.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <condition_variable>
#include <mutex>
#include <random>

#include "text/strict_json.h"

namespace rerank {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds kLongestDelay{30'000};
constexpr seconds kLongestWait{600};
constexpr std::int32_t kTooManyRequests = 429;
constexpr std::int32_t kRequestTimeout = 408;

std::optional<seconds> parse_seconds(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end == text.data() || value < 0) return std::nullopt;
  return seconds(value);
}

// Retry-After in seconds, else the time to go in Hugging Face's `RateLimit: "name";r=0;t=17`.
std::optional<seconds> asked_wait(const TransferHead& head) {
  if (const std::string_view after = head.header("retry-after"); !after.empty()) return parse_seconds(after);
  const std::string_view limit = head.header("ratelimit");
  const std::size_t at = limit.find(";t=");
  if (head.status != kTooManyRequests || at == std::string_view::npos) return std::nullopt;
  return parse_seconds(limit.substr(at + 3));
}

// Half of it to all of it, so that many who failed together do not come back together.
milliseconds jittered(milliseconds delay) {
  thread_local std::mt19937 generator{std::random_device{}()};
  return milliseconds(
      std::uniform_int_distribution<std::int64_t>(delay.count() / 2, delay.count())(generator));
}

void sleep_for(milliseconds delay, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, delay, [] { return false; });
  if (stop.stop_requested())
    throw TransferError(TransferError::Kind::kCancelled, false, "stopped while waiting");
}

}  // namespace

void Patience::wait_after(const Fault& fault, const std::stop_token& stop) {
  if (num_faults_ == options_.retries) {
    throw Error(
        ErrorCode::kUnavailable,
        fmt::format("{} (tried {} times; what has come so far is kept: the same command goes on from there)",
                    fault.text, num_faults_ + 1));
  }
  if (fault.wait && *fault.wait > kLongestWait) {
    throw Error(
        ErrorCode::kUnavailable,
        fmt::format("{}; the hub asks to wait {} s: try again then, the same command goes on from there",
                    fault.text, fault.wait->count()));
  }
  milliseconds delay = options_.first_delay;
  for (std::int32_t i = 0; i < num_faults_ && delay < kLongestDelay; ++i) delay *= 2;
  ++num_faults_;
  sleep_for(std::max(jittered(std::min(delay, kLongestDelay)), milliseconds(fault.wait.value_or(seconds(0)))),
            stop);
}

std::optional<Fault> passing_fault(const TransferHead& head) {
  if (head.status < 500 && head.status != kTooManyRequests && head.status != kRequestTimeout)
    return std::nullopt;
  return Fault{fmt::format("{} answers with status {}", shown_text(head.url), head.status), asked_wait(head)};
}

Fault fault_of(const TransferError& error) {
  using Kind = TransferError::Kind;
  const bool may_pass =
      error.kind() == Kind::kConnect || error.kind() == Kind::kLost || error.kind() == Kind::kTimeout;
  if (!may_pass) throw error;
  return {error.what(), std::nullopt};
}

TransferReply HubLine::ask(const TransferRequest& request) const {
  Patience patience_left(patience);
  while (true) {
    Fault fault;
    try {
      TransferReply reply = pool.perform(request, stop);
      const std::optional<Fault> found = passing_fault(reply.head);
      if (!found) return reply;
      fault = *found;
    } catch (const TransferError& error) {
      fault = fault_of(error);
    }
    if (fault.wait && notice)
      notice(fmt::format("{}; waiting {} s as it asks", fault.text, fault.wait->count()));
    patience_left.wait_after(fault, stop);
  }
}

}  // namespace rerank
