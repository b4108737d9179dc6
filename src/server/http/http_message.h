// A request and a reply as plain values. No parsing, no sockets.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server/http/memory_budget.h"

namespace rerank {

struct HttpHeader {
  std::string name;
  std::string value;
};

struct HttpRequest {
  std::string method;
  std::string target;  // as sent: path and query, percent-encoded
  std::vector<HttpHeader> headers;
  std::string body;
  MemoryCharge charge;  // for the memory of the request until it is answered, whatever becomes of its bytes
  std::string peer;     // the address of the client, for logs
  std::chrono::steady_clock::time_point received = std::chrono::steady_clock::now();  // of the first byte

  // The first header with this name, ignoring case; empty if there is none.
  std::string_view header(std::string_view name) const;
  // Everything but the body and its charge.
  HttpRequest copy_head() const;
};

struct HttpReply {
  int status = 200;
  std::string content_type = "application/json";  // empty: no body
  std::vector<HttpHeader> headers;                // without Content-Type, Content-Length, Connection, Date
  std::string body;
  std::shared_ptr<void> held_until_written = nullptr;  // such as the charge for the body
};

// The reason phrase of a status; "" if the status is unknown.
std::string_view reason_phrase(int status);

}  // namespace rerank
