#include "server/http/request_head.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "base/ascii.h"

namespace rerank {
namespace {

constexpr std::string_view kBlanks = " \t";
constexpr std::string_view kHostPunctuation = "-._~%!$&'()*+,;=";

RequestFault bad(std::string message) {
  return {400, std::move(message)};
}

constexpr bool is_letter_or_digit(char letter) {
  return is_digit(letter) || is_letter(letter);
}

constexpr std::array<bool, 256> token_letters() {
  std::array<bool, 256> table{};
  for (std::size_t code = 0; code < 128; ++code) table[code] = is_letter_or_digit(static_cast<char>(code));
  for (const char letter : std::string_view("!#$%&'*+-.^_`|~"))
    table[static_cast<unsigned char>(letter)] = true;
  return table;
}
constexpr std::array<bool, 256> kTokenLetters = token_letters();

// Calls `visit` with each member of the list "a, b".
template <typename Visit>
void for_each_member(std::string_view list, const Visit& visit) {
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    visit(trimmed(list.substr(0, comma), kBlanks));
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
}

// host [ ":" port ], as in Host and in an absolute-form target.
bool is_authority(std::string_view text) {
  std::string_view port;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos || end < 3) return false;
    const std::string_view address = text.substr(1, end - 1);
    if (!std::ranges::all_of(address, [](char letter) {
          return is_letter_or_digit(letter) || letter == ':' || letter == '.';
        })) {
      return false;
    }
    port = text.substr(end + 1);
  } else {
    const std::size_t end = std::min(text.find(':'), text.size());
    if (!std::ranges::all_of(text.substr(0, end), [](char letter) {
          return is_letter_or_digit(letter) || kHostPunctuation.find(letter) != std::string_view::npos;
        })) {
      return false;
    }
    port = text.substr(end);
  }
  if (port.empty()) return true;
  return port.front() == ':' && port.size() <= 6 && std::ranges::all_of(port.substr(1), is_digit);
}

// The part of "http://host/path?query" from the path on; nullopt if there is no host.
std::optional<std::string> path_of_absolute(std::string_view target) {
  const std::size_t end_of_scheme = target.find("://");
  if (end_of_scheme == std::string_view::npos) return std::nullopt;
  const std::string_view scheme = target.substr(0, end_of_scheme);
  if (!equal_in_any_case(scheme, "http") && !equal_in_any_case(scheme, "https")) return std::nullopt;
  const std::string_view rest = target.substr(end_of_scheme + 3);
  const std::size_t end_of_host = std::min(rest.find_first_of("/?#"), rest.size());
  const std::string_view authority = rest.substr(0, end_of_host);
  if (authority.empty() || authority.front() == ':' || !is_authority(authority)) return std::nullopt;
  const std::string_view path = rest.substr(end_of_host);
  return path.starts_with('/') ? std::string(path) : "/" + std::string(path);
}

// 1*DIGIT.
std::optional<std::uint64_t> parse_length(std::string_view text) {
  if (text.empty()) return std::nullopt;
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t length = 0;
  for (const char letter : text) {
    if (!is_digit(letter)) return std::nullopt;
    const auto digit = static_cast<std::uint64_t>(letter - '0');
    if (length > (kMost - digit) / 10) return std::nullopt;
    length = length * 10 + digit;
  }
  return length;
}

std::optional<RequestFault> read_version(std::string_view version, RequestFraming& framing) {
  if (version == "HTTP/1.1") return std::nullopt;
  framing.is_http_1_0 = version == "HTTP/1.0";
  if (framing.is_http_1_0) return std::nullopt;
  const bool is_version = version.size() == 8 && version.starts_with("HTTP/") && is_digit(version[5]) &&
                          version[6] == '.' && is_digit(version[7]);
  if (is_version) return RequestFault{505, "only HTTP/1.1 and HTTP/1.0 are supported"};
  return bad("not an HTTP/1.1 request: the request line does not end with the version");
}

std::optional<RequestFault> read_target(std::string_view method, std::string_view target,
                                        HttpRequest& request) {
  if (target.size() > kMaxTargetBytes) {
    return RequestFault{414, fmt::format("the request target is longer than {} bytes", kMaxTargetBytes)};
  }
  const bool is_printable = std::ranges::all_of(target, [](char letter) {
    const auto code = static_cast<unsigned char>(letter);
    return code > 0x20 && code != 0x7f;
  });
  if (is_printable && (target.starts_with('/') || (target == "*" && method == "OPTIONS"))) {
    request.target = std::string(target);
    return std::nullopt;
  }
  if (is_printable) {
    if (auto path = path_of_absolute(target)) {
      request.target = std::move(*path);
      return std::nullopt;
    }
  }
  return bad("the request target is neither a path nor an http:// URL");
}

}  // namespace

bool is_token_letter(char letter) {
  return kTokenLetters[static_cast<unsigned char>(letter)];
}

bool is_text_letter(char letter) {
  const auto code = static_cast<unsigned char>(letter);
  return (code >= 0x20 && code != 0x7f) || code == '\t';
}

std::optional<RequestFault> read_request_line(std::string_view line, HttpRequest& request,
                                              RequestFraming& framing) {
  const std::size_t end_of_method = line.find(' ');
  const std::string_view method = line.substr(0, end_of_method);
  if (method.empty() || end_of_method == std::string_view::npos ||
      !std::ranges::all_of(method, is_token_letter)) {
    return bad("not an HTTP/1.1 request: the request line does not begin with a method");
  }
  if (method.size() > kMaxMethodBytes) return RequestFault{501, "the method is too long"};
  request.method = std::string(method);
  const std::string_view rest = line.substr(end_of_method + 1);
  const std::size_t end_of_target = rest.find(' ');
  if (end_of_target == std::string_view::npos) {
    return bad("not an HTTP/1.1 request: the request line does not end with the version");
  }
  if (auto fault = read_target(method, rest.substr(0, end_of_target), request)) return fault;
  return read_version(rest.substr(end_of_target + 1), framing);
}

std::optional<RequestFault> read_field_line(std::string_view line, HttpRequest* add) {
  if (line.starts_with(' ') || line.starts_with('\t')) return bad("a header field is folded over two lines");
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return bad("a header field has no colon");
  const std::string_view name = line.substr(0, colon);
  if (name.empty() || !std::ranges::all_of(name, is_token_letter)) {
    return bad("a header field's name is empty or contains an invalid character");
  }
  const std::string_view value = trimmed(line.substr(colon + 1), kBlanks);
  if (!std::ranges::all_of(value, is_text_letter)) return bad("a header field contains a control character");
  if (add != nullptr) add->headers.push_back({std::string(name), std::string(value)});
  return std::nullopt;
}

std::optional<RequestFault> read_framing(const HttpRequest& request, RequestFraming& framing) {
  const HttpHeader* host = nullptr;
  const HttpHeader* length = nullptr;
  const HttpHeader* coding = nullptr;
  bool says_close = false;
  bool says_keep_alive = false;
  for (const HttpHeader& header : request.headers) {
    if (equal_in_any_case(header.name, "Host")) {
      if (std::exchange(host, &header) != nullptr) return bad("the request has more than one Host");
    } else if (equal_in_any_case(header.name, "Content-Length")) {
      if (std::exchange(length, &header) != nullptr)
        return bad("the request has more than one Content-Length");
    } else if (equal_in_any_case(header.name, "Transfer-Encoding")) {
      if (std::exchange(coding, &header) != nullptr) {
        return bad("the request has more than one Transfer-Encoding");
      }
    } else if (equal_in_any_case(header.name, "Connection")) {
      for_each_member(header.value, [&](std::string_view member) {
        says_close = says_close || equal_in_any_case(member, "close");
        says_keep_alive = says_keep_alive || equal_in_any_case(member, "keep-alive");
      });
    }
  }
  framing.keeps_alive = !says_close && (!framing.is_http_1_0 || says_keep_alive);
  if (host == nullptr && !framing.is_http_1_0) return bad("the request has no Host");
  if (host != nullptr && !is_authority(host->value)) return bad("the request's Host is invalid");
  if (coding != nullptr) {
    if (framing.is_http_1_0) return bad("HTTP/1.0 does not support Transfer-Encoding");
    if (length != nullptr) return bad("the request has both a Content-Length and a Transfer-Encoding");
    if (!equal_in_any_case(coding->value, "chunked")) {
      return RequestFault{501, "the only supported transfer encoding is \"chunked\""};
    }
    framing.is_chunked = true;
  } else if (length != nullptr) {
    const auto bytes = parse_length(length->value);
    if (!bytes) return bad("the request's Content-Length is not a number");
    framing.body_bytes = *bytes;
  }
  return std::nullopt;
}

}  // namespace rerank
