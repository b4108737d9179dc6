// One HTTP exchange after another as a client, over libcurl: keep-alive, TLS, Unix sockets, timeouts,
// cancellation. What the bytes mean, and whether to try again, is for others to say.
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

// How a connection is made; the same for all exchanges of a Transfer.
struct TransferOptions {
  std::chrono::milliseconds connect_timeout{10'000};
  std::string unix_socket;       // path; the URL's host is then only named in the request
  std::string ca_file;           // PEM; empty: the system's
  std::string certificate_file;  // PEM, of this client
  std::string key_file;          // PEM; empty: in certificate_file
  bool verify_tls = true;
  bool accept_compressed = true;  // asks for gzip and inflates what comes
  std::string user_agent;         // empty: rerank/VERSION
};

using HeaderList = std::vector<std::pair<std::string, std::string>>;

// Status line and headers of an answer; of the last one when redirects were followed.
struct TransferHead {
  std::int32_t status = 0;
  HeaderList headers;  // names in lower case, in the order they came
  std::string url;     // that answered

  // The value of the first header of this name, given in lower case; empty: there is none.
  std::string_view header(std::string_view name) const;
};

struct TransferRequest {
  std::string method = "GET";  // GET, HEAD or POST
  std::string url;             // http:// or https://
  HeaderList headers;          // never sent on to another host by a redirect when named Authorization
  std::string_view body;       // of a POST; must outlive the exchange
  std::chrono::milliseconds timeout{0};  // for the whole exchange; 0: none
  // An exchange slower than one byte a second for this long is given up; 0: it may take its time.
  std::chrono::seconds stall_timeout{0};
  std::int32_t max_redirects = 0;  // 0: a redirect is an answer like any other
  bool keeps_tls = false;          // a redirect from https to http is a failure

  // Called once the headers of the answer that counts stand, before its body; false gives the exchange up.
  std::function<bool(const TransferHead&)> on_head;
  // Takes the body piece by piece; false gives the exchange up. Without it the body is collected.
  std::function<bool(std::string_view)> on_body;
  // Of all headers, those of redirects, "100 Continue" and trailers too; longer ones are a failure.
  std::size_t max_head_bytes = std::size_t{256} << 10;
  // Of a collected body; a longer one is a failure.
  std::size_t max_body_bytes = std::size_t{1} << 30;
};

struct TransferReply {
  TransferHead head;
  std::string body;  // empty where on_body took it
};

// An exchange that did not come to its end. An answer with an error's status is no failure.
class __attribute__((visibility("default"))) TransferError : public Error {
 public:
  enum class Kind {
    kRequest,    // a URL or an option that makes no sense
    kConnect,    // no connection: name not found, refused, no such socket
    kTls,        // the other side's certificate, or ours
    kLost,       // the connection broke, or the answer is no HTTP
    kTimeout,    // connecting, the whole, or a stall
    kCancelled,  // by the stop token
    kGivenUp,    // a callback said no
    kTooLarge,   // max_head_bytes, max_body_bytes
  };
  TransferError(Kind kind, bool reply_began, const std::string& message);
  Kind kind() const { return kind_; }
  // Whether any byte of an answer had come.
  bool reply_began() const { return reply_began_; }

 private:
  Kind kind_;
  bool reply_began_;
};

// One connection at a time, kept for the next exchange. For one thread at a time.
class Transfer {
 public:
  // Throws Error if libcurl has no memory left.
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
