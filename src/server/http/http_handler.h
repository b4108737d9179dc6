// The interface between the HTTP front, which knows connections, and the handler, which knows what requests
// mean.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "server/http/http_message.h"

namespace rerank {

// Counters of the front since its start, except where "now". Safe to read from any thread.
struct FrontCounters {
  std::atomic<std::int64_t> num_connections{0};  // now
  std::atomic<std::int64_t> num_busy{0};         // now, with an unanswered request
  std::atomic<std::int64_t> num_turned_away{0};  // connections over the limit
  std::atomic<std::int64_t> received_bytes{0};
  std::atomic<std::int64_t> sent_bytes{0};
};

// Called from the front's threads concurrently; must return at once.
class HttpHandler {
 public:
  // Runs a function on the thread of the connection.
  using Post = std::function<void(std::function<void()>)>;
  // Must be called once, from any thread.
  using Done = std::function<void(HttpReply)>;
  // Called on the thread of the connection when the client no longer waits for the reply. May be empty.
  using Cancel = std::function<void()>;

  virtual ~HttpHandler() = default;

  // Calls `done` with the reply to `request`, now or later. Does not throw.
  virtual Cancel handle(HttpRequest request, Post post, Done done) = 0;
  // The reply to a request whose body need not be read; `head` is all that was read.
  virtual std::optional<HttpReply> refuse_unread(const HttpRequest& head) = 0;
  // The reply to a request that is invalid, too large or too slow; `head` is what was parsed of it.
  virtual HttpReply refuse_broken(const HttpRequest& head, int status, const std::string& message) = 0;
};

}  // namespace rerank
