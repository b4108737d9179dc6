// By when a request wants its answer.
#pragma once

#include <chrono>
#include <optional>

#include "server/http/http_message.h"

namespace rerank {

// From the header X-Request-Timeout and `timeout` (0: none), whichever ends earlier. Throws api::ApiError for
// a header that is no number of seconds.
std::optional<std::chrono::steady_clock::time_point> deadline_of(const HttpRequest& request,
                                                                 std::chrono::milliseconds timeout);

}  // namespace rerank
