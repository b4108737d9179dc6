// The HTTP front end: listens, owns connections and their threads, and passes every request to a handler.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "server/http/http_handler.h"
#include "server/http/listen_options.h"
#include "server/http/memory_budget.h"

namespace rerank {

// All members are safe from any thread except those that call a handler.
class HttpFront {
 public:
  // Listens, but handles no connection before start(). The arguments must outlive it. Throws Error naming
  // address, port or file.
  HttpFront(const ListenOptions& options, HttpHandler& handler, FrontCounters& counters,
            MemoryBudget& budget);
  // Closes all connections. REQUIRES: the handler holds no Done any more.
  ~HttpFront();
  HttpFront(const HttpFront&) = delete;
  HttpFront& operator=(const HttpFront&) = delete;

  void start();
  // From now on no new connections are accepted, and every reply closes its connection.
  void begin_drain();
  // Waits until no request is being received or answered. Returns false if that takes longer than `timeout`.
  bool wait_until_idle(std::chrono::milliseconds timeout);

  // "http://127.0.0.1:8000", "https://...", "unix:PATH"; with the actual port.
  const std::string& address() const;
  int port() const;  // 0: a Unix socket

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rerank
