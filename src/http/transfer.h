// An HTTP client over libcurl: keep-alive, TLS, Unix sockets, timeouts, cancellation. It interprets no body
// and does not retry.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rerank/error.h"

namespace rerank {

// How connections are made; the same for all exchanges of a Transfer.
struct TransferOptions {
  std::chrono::milliseconds connect_timeout{10'000};
  std::string unix_socket;       // path; the URL's host then only appears in the Host header
  std::string ca_file;           // PEM; empty: the system's
  std::string certificate_file;  // PEM, of this client
  std::string key_file;          // PEM; empty: in certificate_file
  bool verify_tls = true;
  bool accept_compressed = true;  // request gzip, and decompress the response
  std::string user_agent;         // empty: rerank/VERSION
};

using HeaderList = std::vector<std::pair<std::string, std::string>>;

// Status line and headers of a response: of the final one if redirects were followed.
struct TransferHead {
  std::int32_t status = 0;
  HeaderList headers;  // names in lower case, in the order they came
  std::string url;     // the final one, after redirects

  // The value of the first header with this name, which is in lower case; empty if there is none.
  std::string_view header(std::string_view name) const;
};

struct TransferRequest {
  std::string method = "GET";            // GET, HEAD or POST
  std::string url;                       // http:// or https://
  HeaderList headers;                    // Authorization is not sent to another host after a redirect
  std::string_view body;                 // of a POST; must outlive the exchange
  std::chrono::milliseconds timeout{0};  // for the whole exchange; 0: none
  // The exchange is aborted when it is slower than one byte a second for this long; 0: never.
  std::chrono::seconds stall_timeout{0};
  std::int32_t max_redirects = 0;  // 0: a redirect is returned as the response
  bool keeps_tls = false;          // a redirect from https to http fails

  // Called with the final head, before the body. Return false to stop the exchange.
  std::function<bool(const TransferHead&)> on_head;
  // Called with each piece of the body. Return false to stop the exchange. Without it the body is collected.
  std::function<bool(std::string_view)> on_body;
  // Of all headers, including those of redirects, "100 Continue" and trailers. More is an error.
  std::size_t max_head_bytes = std::size_t{256} << 10;
  // Of a collected body. More is an error.
  std::size_t max_body_bytes = std::size_t{1} << 30;
};

struct TransferReply {
  TransferHead head;
  std::string body;  // empty where on_body took it
};

// An exchange that did not complete. A response with an error status is not a TransferError.
class __attribute__((visibility("default"))) TransferError : public Error {
 public:
  enum class Kind {
    kRequest,    // an invalid URL or option
    kConnect,    // name not found, connection refused, no such socket
    kTls,        // the server's certificate, or the client's
    kLost,       // the connection was lost, or the response is not HTTP
    kTimeout,    // while connecting, of the exchange, or stalled
    kCancelled,  // by the stop token
    kGivenUp,    // by a callback
    kTooLarge,   // max_head_bytes, max_body_bytes
  };
  TransferError(Kind kind, bool reply_began, const std::string& message);
  Kind kind() const { return kind_; }
  // Whether any byte of the response had arrived.
  bool reply_began() const { return reply_began_; }

 private:
  Kind kind_;
  bool reply_began_;
};

// Keeps one connection for the next exchange. Not safe from several threads at once.
class Transfer {
 public:
  // Throws Error if libcurl is not installed, std::bad_alloc if it is out of memory.
  explicit Transfer(TransferOptions options);
  ~Transfer();
  Transfer(Transfer&&) noexcept;
  Transfer& operator=(Transfer&&) noexcept;

  // Throws TransferError.
  TransferReply perform(const TransferRequest& request, const std::stop_token& stop = {});

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rerank
