// Where a server is: the parts of its URL.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace rerank::load {

struct ServerAddress {
  bool tls = false;
  std::string host;  // of IPv6 without brackets; "localhost" for a Unix socket
  std::uint16_t port = 0;
  std::string unix_socket;  // path; empty: host and port count
  std::string base_path;    // what comes before every path, without a slash at its end

  std::string url() const;
  // The value of the Host header.
  std::string host_header() const;
};

// Takes http://HOST[:PORT][/PATH], https://... and unix:/PATH/OF/SOCKET. Throws Error naming the text.
ServerAddress parse_server_address(std::string_view url);

}  // namespace rerank::load
