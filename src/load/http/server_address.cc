#include "load/http/server_address.h"

#include <fmt/format.h>

#include <charconv>

#include "rerank/error.h"

namespace rerank::load {
namespace {

[[noreturn]] void refuse(std::string_view url) {
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("\"{}\" is no address of a server; write http://HOST:PORT, https://HOST:PORT or "
                          "unix:/PATH/OF/SOCKET",
                          url));
}

std::string bracketed(const std::string& host) {
  return host.find(':') == std::string::npos ? host : "[" + host + "]";
}

// Splits "HOST", "HOST:PORT" or "[IPv6]:PORT".
void read_authority(std::string_view authority, std::string_view url, ServerAddress& address) {
  std::string_view port;
  if (authority.starts_with('[')) {
    const std::size_t end = authority.find(']');
    if (end == std::string_view::npos) refuse(url);
    address.host = authority.substr(1, end - 1);
    port = authority.substr(end + 1);
    if (!port.empty() && !port.starts_with(':')) refuse(url);
  } else {
    const std::size_t colon = authority.find(':');
    address.host = authority.substr(0, colon);
    if (colon != std::string_view::npos) port = authority.substr(colon);
  }
  if (address.host.empty() || address.host.find('@') != std::string::npos) refuse(url);
  address.port = address.tls ? 443 : 80;
  if (port.empty()) return;
  const char* end = port.data() + port.size();
  const auto parsed = std::from_chars(port.data() + 1, end, address.port);
  if (parsed.ec != std::errc() || parsed.ptr != end || address.port == 0) refuse(url);
}

}  // namespace

std::string ServerAddress::host_header() const {
  if (!unix_socket.empty()) return "localhost";
  const bool is_default = port == (tls ? 443 : 80);
  return is_default ? bracketed(host) : fmt::format("{}:{}", bracketed(host), port);
}

std::string ServerAddress::url() const {
  if (!unix_socket.empty()) return "unix:" + unix_socket;
  return fmt::format("http{}://{}{}", tls ? "s" : "", host_header(), base_path);
}

ServerAddress parse_server_address(std::string_view url) {
  ServerAddress address;
  for (const char letter : url) {
    if (static_cast<unsigned char>(letter) <= ' ') refuse(url);
  }
  if (url.starts_with("unix:/")) {
    address.host = "localhost";
    address.unix_socket = url.substr(std::string_view("unix:").size());
    while (address.unix_socket.starts_with("//")) address.unix_socket.erase(0, 1);
    return address;
  }
  const std::size_t scheme_end = url.find("://");
  if (scheme_end == std::string_view::npos) refuse(url);
  const std::string_view scheme = url.substr(0, scheme_end);
  if (scheme != "http" && scheme != "https") refuse(url);
  address.tls = scheme == "https";
  const std::string_view rest = url.substr(scheme_end + 3);
  const std::size_t path = std::min(rest.find('/'), rest.size());
  read_authority(rest.substr(0, path), url, address);
  address.base_path = rest.substr(path);
  while (address.base_path.ends_with('/')) address.base_path.pop_back();
  return address;
}

}  // namespace rerank::load
