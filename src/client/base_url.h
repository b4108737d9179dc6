// The address that a user gives, taken apart: people write a server's root, its /v1, or a whole route.
#pragma once

#include <string>
#include <string_view>

namespace rerank::client {

struct BaseUrl {
  std::string root;     // scheme, host, port and path prefix, without a "/" at the end
  std::string host;     // in lower case, without port
  std::string version;  // "/v1" or "/v2" if the URL names one, else empty
  std::string route;    // "/rerank" or the like if the URL names one, else empty

  // The URL as far as it was given.
  std::string given() const { return root + version + route; }
};

// Throws Error saying what is wrong with `url` and how it should look.
BaseUrl parse_base_url(std::string_view url);

}  // namespace rerank::client
