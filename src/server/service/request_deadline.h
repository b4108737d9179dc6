// The deadline of a request.
#pragma once

#include <chrono>
#include <optional>

#include "server/http/http_message.h"

namespace rerank {

// From the header X-Request-Timeout and `timeout` (0: none), whichever is earlier. Throws api::ApiError for
// an invalid header.
std::optional<std::chrono::steady_clock::time_point> deadline_of(const HttpRequest& request,
                                                                 std::chrono::milliseconds timeout);

}  // namespace rerank
