// One request of /tokenize or /detokenize, processed on a worker thread.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>

#include "server/service/exchange.h"
#include "server/service/service.h"
#include "server/service/worker_threads.h"

namespace rerank {

// Lives until it is answered.
class TokenizingTask : public std::enable_shared_from_this<TokenizingTask> {
 public:
  // `service` and `serving` must outlive it.
  TokenizingTask(Service& service, const Service::Serving& serving, std::shared_ptr<Exchange> exchange)
      : service_(service), serving_(serving), exchange_(std::move(exchange)) {}

  void start();
  // The client has disconnected. Safe from any thread.
  void abandon() { is_abandoned_ = true; }

 private:
  class Unwanted {};  // thrown when the client has disconnected

  void post(WorkSize size);
  void run(WorkSize size);
  void answer();
  void tokenize();
  void detokenize();
  // Throws if there is no point in continuing.
  void look() const;

  Service& service_;
  const Service::Serving& serving_;
  const std::shared_ptr<Exchange> exchange_;
  std::optional<std::chrono::steady_clock::time_point> deadline_;
  std::atomic<bool> is_abandoned_{false};
};

}  // namespace rerank
