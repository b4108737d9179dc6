#include "http/retry_policy.h"

#include <time.h>

#include <algorithm>
#include <charconv>
#include <condition_variable>
#include <iomanip>
#include <locale>
#include <mutex>
#include <random>
#include <sstream>
#include <string>
#include <system_error>

namespace rerank {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::system_clock;
using Kind = TransferError::Kind;

constexpr std::int32_t kRequestTimeout = 408;
constexpr std::int32_t kTooManyRequests = 429;
constexpr std::int32_t kBadGateway = 502;
constexpr std::int32_t kServiceUnavailable = 503;
constexpr seconds kYear{366 * 86'400};  // any later date means never

seconds bounded(std::int64_t count) {
  return seconds(std::clamp<std::int64_t>(count, 0, kYear.count()));
}

std::optional<std::int64_t> http_date(std::string_view value) {
  std::istringstream stream{std::string(value)};
  stream.imbue(std::locale::classic());
  std::tm date = {};
  stream >> std::get_time(&date, "%a, %d %b %Y %H:%M:%S GMT");
  if (stream.fail()) return std::nullopt;
  return timegm(&date);
}

// The number at the start of `text`; `rest` is what follows it.
std::optional<seconds> leading_seconds(std::string_view text, std::string_view& rest) {
  std::int64_t count = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, count);
  if (error == std::errc::invalid_argument) return std::nullopt;
  rest = {stopped, static_cast<std::size_t>(end - stopped)};
  return error == std::errc() ? bounded(count) : kYear;
}

}  // namespace

bool RetryPolicy::is_retryable(std::int32_t status) const {
  if (status == kTooManyRequests || status == kBadGateway || status == kServiceUnavailable) return true;
  return retries_server_errors && (status >= 500 || status == kRequestTimeout);
}

bool RetryPolicy::accepts(std::optional<milliseconds> server_wait) const {
  return !server_wait || *server_wait <= longest_server_wait;
}

milliseconds RetryPolicy::delay(std::int32_t number, double random,
                                std::optional<milliseconds> server_wait) const {
  constexpr std::int32_t kMostDoublings = 16;
  const std::int32_t num_doublings = std::clamp(number - 1, 0, kMostDoublings);
  const milliseconds longest = std::min(longest_delay, first_delay * (1 << num_doublings));
  const double share = 1 - jitter * (1 - random);
  return server_wait.value_or(milliseconds(0)) +
         milliseconds(static_cast<std::int64_t>(share * static_cast<double>(longest.count())));
}

bool is_transient(const TransferError& error) {
  return error.kind() == Kind::kConnect || error.kind() == Kind::kLost || error.kind() == Kind::kTimeout;
}

std::optional<milliseconds> server_wait(const TransferHead& head, system_clock::time_point now) {
  std::string_view rest;
  if (const std::string_view after = head.header("retry-after"); !after.empty()) {
    if (const auto count = leading_seconds(after, rest); count && rest.empty()) return *count;
    const auto date = http_date(after);  // in seconds: a clock in nanoseconds overflows in 2262
    if (!date) return std::nullopt;
    return bounded(*date - system_clock::to_time_t(now));
  }
  constexpr std::string_view kUntilReset = ";t=";
  const std::string_view limit = head.header("ratelimit");
  const std::size_t at = limit.find(kUntilReset);
  if (head.status != kTooManyRequests || at == std::string_view::npos) return std::nullopt;
  return leading_seconds(limit.substr(at + kUntilReset.size()), rest);
}

double random_fraction() {
  thread_local std::mt19937_64 engine(std::random_device{}());
  return std::uniform_real_distribution<double>(0, 1)(engine);
}

bool sleep_for(milliseconds delay, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, delay, [] { return false; });
  return !stop.stop_requested();
}

}  // namespace rerank
