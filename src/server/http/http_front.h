// The HTTP front: listens, keeps the connections and their threads, and hands every request to a handler.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "server/http/http_handler.h"
#include "server/http/listen_options.h"
#include "server/http/memory_budget.h"

namespace rerank {

// All members are safe from any thread, but none may be called from a handler's.
class HttpFront {
 public:
  // Listens, but answers nobody before start(). What is handed over must outlive it. Throws Error naming
  // address, port or file.
  HttpFront(const ListenOptions& options, HttpHandler& handler, FrontCounters& counters,
            MemoryBudget& budget);
  // Closes what is open. REQUIRES: the handler holds no Done any more.
  ~HttpFront();
  HttpFront(const HttpFront&) = delete;
  HttpFront& operator=(const HttpFront&) = delete;

  void start();
  // No new connections from now on; every reply ends its connection.
  void begin_drain();
  // Waits until no request is being received or answered; false if that took longer than `timeout`.
  bool wait_until_idle(std::chrono::milliseconds timeout);

  // "http://127.0.0.1:8000", "https://...", "unix:PATH"; with the real port.
  const std::string& address() const;
  int port() const;  // 0: a Unix socket

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rerank
