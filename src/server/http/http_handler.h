// What the HTTP front hands each request to, and what it counts meanwhile. The front knows connections, the
// handler knows what requests mean.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "server/http/http_message.h"

namespace rerank {

// Counted by the front since its start, or now; read from any thread.
struct FrontCounters {
  std::atomic<std::int64_t> num_connections{0};  // now
  std::atomic<std::int64_t> num_busy{0};         // now, with a request begun and not answered
  std::atomic<std::int64_t> num_turned_away{0};  // connections over the limit
  std::atomic<std::int64_t> received_bytes{0};
  std::atomic<std::int64_t> sent_bytes{0};
};

// Called from the front's threads, several at a time; must return at once.
class HttpHandler {
 public:
  // Runs a function on the thread of the connection.
  using Post = std::function<void(std::function<void()>)>;
  // To be called once, from any thread.
  using Done = std::function<void(HttpReply)>;
  // To be called from the thread of the connection when nobody waits for the reply any more. May be empty.
  using Cancel = std::function<void()>;

  virtual ~HttpHandler() = default;

  // Calls `done` with the answer to `request`, now or later. Does not throw.
  virtual Cancel handle(HttpRequest request, Post post, Done done) = 0;
  // The answer to a request of which only the head was read, if its body is not worth reading.
  virtual std::optional<HttpReply> refuse_unread(const HttpRequest& head) = 0;
  // The answer to what is not a request of HTTP or is larger or slower than allowed; `head` is as far as it
  // was understood.
  virtual HttpReply refuse_broken(const HttpRequest& head, int status, const std::string& message) = 0;
};

}  // namespace rerank
