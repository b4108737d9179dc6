#include "client/retry.h"

#include <time.h>

#include <algorithm>
#include <charconv>
#include <iomanip>
#include <locale>
#include <sstream>
#include <string>
#include <system_error>

namespace rerank::client {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::system_clock;

constexpr milliseconds kFirstDelay{250};
constexpr milliseconds kLongestDelay{8'000};
constexpr seconds kYear{366 * 86'400};  // beyond it every date is as good as never

std::optional<std::int64_t> http_date(std::string_view value) {
  std::istringstream stream{std::string(value)};
  stream.imbue(std::locale::classic());
  std::tm date = {};
  stream >> std::get_time(&date, "%a, %d %b %Y %H:%M:%S GMT");
  if (stream.fail()) return std::nullopt;
  return timegm(&date);
}

}  // namespace

bool is_worth_retrying(std::int32_t status) {
  return status == 429 || status == 502 || status == 503;
}

std::optional<milliseconds> retry_after(std::string_view value, system_clock::time_point now) {
  std::int64_t count = 0;
  const char* const end = value.data() + value.size();
  const auto [stopped, error] = std::from_chars(value.data(), end, count);
  if (stopped == end && error == std::errc::result_out_of_range) return kYear;
  if (stopped == end && error == std::errc()) {
    return seconds(std::clamp<std::int64_t>(count, 0, kYear.count()));
  }
  const auto date = http_date(value);  // in seconds: in nanoseconds the clock ends in the year 2262
  if (!date) return std::nullopt;
  return seconds(std::clamp<std::int64_t>(*date - system_clock::to_time_t(now), 0, kYear.count()));
}

milliseconds retry_delay(std::int32_t num_attempts, double random, std::optional<milliseconds> asked_for) {
  const std::int32_t num_doublings = std::clamp(num_attempts - 1, 0, 16);
  const milliseconds longest = std::min(kLongestDelay, kFirstDelay * (1 << num_doublings));
  const auto jitter = milliseconds(static_cast<std::int64_t>(random * static_cast<double>(longest.count())));
  return asked_for.value_or(milliseconds(0)) + jitter;
}

}  // namespace rerank::client
