// A request and a reply as the service sees them: values, whatever carried them. No parsing, no sockets.
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

// Letters of ASCII only, whatever the locale.
bool equal_ignoring_case(std::string_view a, std::string_view b);

struct HttpRequest {
  std::string method;
  std::string target;  // as it was sent: path and query, percent-encoded
  std::vector<HttpHeader> headers;
  std::string body;
  MemoryCharge charge;  // for what of the request is held, until it is answered; follows what is made of it
  std::string peer;     // who sent it, for logs
  std::chrono::steady_clock::time_point received = std::chrono::steady_clock::now();  // the first byte

  // The first header of this name in any case; empty if there is none.
  std::string_view header(std::string_view name) const;
  // All but the body and its charge.
  HttpRequest copy_head() const;
};

struct HttpReply {
  int status = 200;
  std::string content_type = "application/json";  // empty: the reply has no body
  std::vector<HttpHeader> headers;                // without Content-Type, Content-Length, Connection, Date
  std::string body;
  std::shared_ptr<void> held_until_written = nullptr;  // such as the charge for the body
};

// The words that go with a status on the first line; "" for one that is not known.
std::string_view reason_phrase(int status);

}  // namespace rerank
