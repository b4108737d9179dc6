// The parts of the URL that a user gives: a server's root, its /v1, or a whole route.
#pragma once

#include <string>
#include <string_view>

namespace rerank::client {

struct BaseUrl {
  std::string root;     // scheme, host, port and path prefix, without a trailing slash
  std::string host;     // in lower case, without port
  std::string version;  // "/v1" or "/v2", empty if the URL contains neither
  std::string route;    // "/rerank" or another route, empty if the URL contains none

  // The URL as it was given.
  std::string given() const { return root + version + route; }
};

// Throws Error saying what is wrong with `url` and what it should look like.
BaseUrl parse_base_url(std::string_view url);

}  // namespace rerank::client
