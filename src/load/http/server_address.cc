#include "load/http/server_address.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/shown_text.h"
#include "rerank/error.h"

namespace rerank::load {

std::string ServerAddress::text() const {
  return unix_socket.empty() ? url.origin() + url.path : "unix:" + unix_socket;
}

ServerAddress parse_server_address(std::string_view text) {
  constexpr std::string_view kUnix = "unix:/";
  const bool is_unix = text.starts_with(kUnix);
  require(is_unix || text.starts_with("http://") || text.starts_with("https://"),
          fmt::format("server URL \"{}\": write http://HOST:PORT, https://HOST:PORT or unix:/PATH/OF/SOCKET",
                      shown_text(text)));
  ServerAddress address{.url = parse_url(is_unix ? "http://localhost" : text, "server URL")};
  require(address.url.user_info.empty(),
          "server URL: leave out the name and password before the @; use --api-key or --header");
  if (!is_unix) return address;
  const bool has_blank = std::any_of(text.begin(), text.end(), [](unsigned char c) { return c <= 0x20; });
  require(!has_blank, "server URL: the path of the Unix socket contains whitespace or a control character");
  address.unix_socket = text.substr(std::min(text.find_first_not_of('/', kUnix.size()), text.size()) - 1);
  return address;
}

}  // namespace rerank::load
