// CORS: which other origins may read replies in a browser.
#pragma once

#include <string>
#include <vector>

#include "server/http/http_message.h"

namespace rerank {

// Headers to add to the reply; none for a request without an origin or with one that is not allowed.
// `allowed` contains origins, or "*" for all.
std::vector<HttpHeader> cors_headers(const HttpRequest& request, const std::vector<std::string>& allowed);

// Additional headers for a preflight request (OPTIONS). `methods`: those of the route, "GET, HEAD, OPTIONS".
std::vector<HttpHeader> preflight_headers(const HttpRequest& request, const std::string& methods);

}  // namespace rerank
