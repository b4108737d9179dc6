#include "server/service/cors.h"

#include <algorithm>

namespace rerank {

std::vector<HttpHeader> cors_headers(const HttpRequest& request, const std::vector<std::string>& allowed) {
  const std::string origin(request.header("Origin"));
  if (origin.empty()) return {};
  constexpr const char* kExposed =
      "x-request-id, x-compute-time, x-total-time, x-queue-time, x-tokenization-time, x-inference-time, "
      "x-compute-tokens, retry-after";
  const HttpHeader exposed = {"access-control-expose-headers", kExposed};
  if (std::find(allowed.begin(), allowed.end(), "*") != allowed.end()) {
    return {{"access-control-allow-origin", "*"}, exposed};
  }
  if (std::find(allowed.begin(), allowed.end(), origin) == allowed.end()) return {{"vary", "Origin"}};
  return {{"access-control-allow-origin", origin}, {"vary", "Origin"}, exposed};
}

std::vector<HttpHeader> preflight_headers(const HttpRequest& request, const std::string& methods) {
  std::vector<HttpHeader> headers = {{"access-control-allow-methods", methods},
                                     {"access-control-max-age", "600"}};
  // Requested header names are echoed; the parser rejects those that could break a line.
  const std::string_view asked = request.header("Access-Control-Request-Headers");
  if (!asked.empty()) headers.push_back({"access-control-allow-headers", std::string(asked)});
  return headers;
}

}  // namespace rerank
