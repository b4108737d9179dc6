#include "server/service/request_deadline.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <string_view>

#include "api/api_error.h"

namespace rerank {
namespace {

constexpr double kLongestTimeoutSeconds = 1e6;

}  // namespace

std::optional<std::chrono::steady_clock::time_point> deadline_of(const HttpRequest& request,
                                                                 std::chrono::milliseconds timeout) {
  const std::string_view text = request.header("X-Request-Timeout");
  if (!text.empty()) {
    double seconds = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (error != std::errc() || end != text.data() + text.size() || !(seconds > 0)) {
      throw api::ApiError(400, "X-Request-Timeout must be a positive number of seconds", "X-Request-Timeout");
    }
    const double milliseconds = 1000 * std::min(seconds, kLongestTimeoutSeconds);
    const auto asked = std::chrono::milliseconds(static_cast<std::int64_t>(std::ceil(milliseconds)));
    timeout = timeout.count() == 0 ? asked : std::min(timeout, asked);
  }
  if (timeout.count() == 0) return std::nullopt;
  return request.received + timeout;
}

}  // namespace rerank
