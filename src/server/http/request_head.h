// The head of an HTTP/1 request, line by line and to the letter of RFC 9112: what another reader of the same
// bytes, such as a proxy in front, could take for something else is refused. Where the bytes come from is not
// here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "server/http/http_message.h"

namespace rerank {

// Why a request is not taken, and the status that says so.
struct RequestFault {
  int status = 400;
  std::string message;
};

// How a request's body is told from what follows it, and what becomes of the connection.
struct RequestFraming {
  bool is_http_1_0 = false;
  bool keeps_alive = true;
  bool is_chunked = false;
  std::uint64_t body_bytes = 0;  // unless is_chunked
};

// For a request's first line, which is where its target ends up.
inline constexpr std::size_t kMaxTargetBytes = std::size_t{8} << 10;
inline constexpr std::size_t kMaxMethodBytes = 32;
inline constexpr std::size_t kMaxFields = 100;  // as in HAProxy, Envoy and Apache

// The following take a line without its CRLF and return what is wrong with it, if anything.

// Sets `request`'s method and target, and the version in `framing`. Of a target in absolute form the path is
// kept.
std::optional<RequestFault> read_request_line(std::string_view line, HttpRequest& request,
                                              RequestFraming& framing);
// A field of the head or the trailers; `add` may be null, then it is checked only.
std::optional<RequestFault> read_field_line(std::string_view line, HttpRequest* add);
// Once all fields are there: the framing, and the rules of Host.
std::optional<RequestFault> read_framing(const HttpRequest& request, RequestFraming& framing);

// Letters that may stand in a method and a field's name.
bool is_token_letter(char letter);
// Letters that may stand in a field's value or a chunk's extension.
bool is_text_letter(char letter);

}  // namespace rerank
