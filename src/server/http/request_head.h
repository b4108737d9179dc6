// Parses the head of an HTTP/1 request line by line, strictly by RFC 9112: what another parser of the same
// bytes, such as a proxy in front, could interpret differently is rejected.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "server/http/http_message.h"

namespace rerank {

// Why a request is rejected, and with which status.
struct RequestFault {
  int status = 400;
  std::string message;
};

// How the body is delimited, and whether the connection is kept.
struct RequestFraming {
  bool is_http_1_0 = false;
  bool keeps_alive = true;
  bool is_chunked = false;
  std::uint64_t body_bytes = 0;  // unless is_chunked
};

// The maximum length of the request line, and so of the target.
inline constexpr std::size_t kMaxTargetBytes = std::size_t{8} << 10;
inline constexpr std::size_t kMaxMethodBytes = 32;
inline constexpr std::size_t kMaxFields = 100;  // as in HAProxy, Envoy and Apache

// The following parse a line without its CRLF and return what is wrong with it, if anything.

// Sets method and target of `request`, and the version in `framing`. Of an absolute-form target only the path
// is kept.
std::optional<RequestFault> read_request_line(std::string_view line, HttpRequest& request,
                                              RequestFraming& framing);
// A field of the head or the trailers; if `add` is null, it is only validated.
std::optional<RequestFault> read_field_line(std::string_view line, HttpRequest* add);
// After all fields: determines the framing and checks Host.
std::optional<RequestFault> read_framing(const HttpRequest& request, RequestFraming& framing);

// Characters allowed in a method and in field names.
bool is_token_letter(char letter);
// Characters allowed in field values and chunk extensions.
bool is_text_letter(char letter);

}  // namespace rerank
