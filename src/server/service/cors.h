// Cross-origin requests: which pages of other origins a browser lets read the replies.
#pragma once

#include <string>
#include <vector>

#include "server/http/http_message.h"

namespace rerank {

// Headers to add to the reply; none where the request comes from no page or from one that is not allowed.
// `allowed` holds origins, or "*" for all.
std::vector<HttpHeader> cors_headers(const HttpRequest& request, const std::vector<std::string>& allowed);

// Those that a preflight request (OPTIONS) wants beside them. `methods` is the route's "GET, HEAD, OPTIONS".
std::vector<HttpHeader> preflight_headers(const HttpRequest& request, const std::string& methods);

}  // namespace rerank
