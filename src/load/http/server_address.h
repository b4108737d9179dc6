// The server that is measured: a URL or a Unix socket.
#pragma once

#include <string>
#include <string_view>

#include "http/url.h"

namespace rerank::load {

struct ServerAddress {
  Url url;                  // http://localhost for a Unix socket
  std::string unix_socket;  // path; empty: host and port of the URL count

  // As parse_server_address takes it.
  std::string text() const;
};

// Takes http://HOST[:PORT][/PATH], https://... and unix:/PATH/OF/SOCKET. Throws Error naming the text.
ServerAddress parse_server_address(std::string_view text);

}  // namespace rerank::load
