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
  std::string path;  // from the first slash, without slashes at the end: empty for a server's root

  // Host and port as a Host header has them: IPv6 in brackets, no default port.
  std::string authority() const;
  // Scheme and authority, without user_info.
  std::string origin() const;
};

// Throws Error{kInvalidArgument} that begins with `name` and says what is wrong and how a URL should look.
// The text of the URL is part of the message, unless it may contain a password.
Url parse_url(std::string_view text, std::string_view name);

}  // namespace rerank
