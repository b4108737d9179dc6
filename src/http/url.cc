#include "http/url.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/ascii.h"
#include "base/shown_text.h"
#include "rerank/error.h"

namespace rerank {
namespace {

constexpr std::uint16_t kHttpPort = 80;
constexpr std::uint16_t kHttpsPort = 443;
constexpr std::size_t kShownBytes = 300;

// Reads "HOST", "HOST:PORT", "[IPv6]" or "[IPv6]:PORT"; returns false for anything else.
bool read_authority(std::string_view authority, Url& url) {
  std::string_view port;
  if (authority.starts_with('[')) {
    const std::size_t end = authority.find(']');
    if (end == std::string_view::npos) return false;
    url.host = authority.substr(1, end - 1);
    port = authority.substr(end + 1);
  } else {
    const std::size_t colon = std::min(authority.find(':'), authority.size());
    url.host = authority.substr(0, colon);
    port = authority.substr(colon);
  }
  url.host = lower_case(url.host);
  url.port = url.is_tls ? kHttpsPort : kHttpPort;
  if (port.empty()) return true;
  if (!port.starts_with(':')) return false;
  const char* const end = port.data() + port.size();
  const auto [stopped, error] = std::from_chars(port.data() + 1, end, url.port);
  return error == std::errc() && stopped == end && url.port != 0;
}

}  // namespace

std::string Url::authority() const {
  const std::string name = host.find(':') == std::string::npos ? host : "[" + host + "]";
  return port == (is_tls ? kHttpsPort : kHttpPort) ? name : fmt::format("{}:{}", name, port);
}

std::string Url::origin() const {
  return (is_tls ? "https://" : "http://") + authority();
}

Url parse_url(std::string_view text, std::string_view name) {
  const auto refuse = [&](std::string_view why) {
    const bool may_hold_password = text.find('@') != std::string_view::npos;
    throw Error(ErrorCode::kInvalidArgument,
                may_hold_password ? fmt::format("{}: {}", name, why)
                                  : fmt::format("{} \"{}\": {}", name, shown_text(text, kShownBytes), why));
  };
  Url url;
  url.is_tls = text.starts_with("https://");
  if (!url.is_tls && !text.starts_with("http://")) {
    refuse("it must begin with http:// or https://, as in http://localhost:8000");
  }
  const std::string_view rest = text.substr(text.find("//") + 2);
  const bool has_blank = std::any_of(text.begin(), text.end(), [](unsigned char c) { return c <= 0x20; });
  if (has_blank) refuse("it contains whitespace or a control character");
  if (text.find_first_of("?#") != std::string_view::npos) refuse("remove the query or fragment (? or #)");
  const std::size_t path = std::min(rest.find('/'), rest.size());
  std::string_view authority = rest.substr(0, path);
  if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
    url.user_info = authority.substr(0, at);
    authority.remove_prefix(at + 1);
  }
  const bool is_readable = read_authority(authority, url);
  if (url.host.empty()) refuse("the host is missing, as in http://localhost:8000");
  if (!is_readable) refuse("write the port as a number from 1 to 65535, as in http://localhost:8000");
  url.path = rest.substr(path);
  while (url.path.ends_with('/')) url.path.pop_back();
  return url;
}

}  // namespace rerank
