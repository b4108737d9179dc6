// An http or https URL and its parts.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace rerank {

struct Url {
  bool is_tls = false;    // https
  std::string user_info;  // "user:password"; empty: none
  std::string host;       // in lower case; IPv6 without brackets
  std::uint16_t port = 0;
  std::string path;  // from the first slash, without trailing slashes

  // As in a Host header: IPv6 in brackets, the port unless it is the default one.
  std::string authority() const;
  // Scheme and authority, without user_info.
  std::string origin() const;
};

// Throws Error{kInvalidArgument} whose message begins with `name` and says what is wrong. It quotes the URL
// unless that may contain a password.
Url parse_url(std::string_view text, std::string_view name);

}  // namespace rerank
