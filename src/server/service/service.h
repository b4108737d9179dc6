// The service behind the HTTP front: admits or rejects requests, has them scored, replies, counts and logs.
// It knows no sockets; api/ knows the JSON.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_set>

#include "api/scoring_call.h"
#include "api/service_card.h"
#include "server/http/http_handler.h"
#include "server/service/admission.h"
#include "server/service/api_keys.h"
#include "server/service/exchange.h"
#include "server/service/metrics.h"
#include "server/service/scoring_engine.h"
#include "server/service/service_options.h"
#include "server/service/worker_threads.h"

namespace rerank {

class ScoringTask;
class TokenizingTask;

// All members are safe from any thread.
class Service : public HttpHandler {
 public:
  // Replies from the start, but scores nothing before begin_serving(). `model` is the configured name;
  // `front` must outlive it. Throws Error naming a flag.
  Service(ServiceOptions options, const std::string& model, const FrontCounters& front, MemoryBudget& budget);
  // REQUIRES: the front is destroyed or has no requests.
  ~Service() override;

  // The model is loaded and warm: requests are accepted from now on. `parse_special_tokens` as configured in
  // the engine. Call once.
  void begin_serving(std::unique_ptr<ScoringEngine> engine, bool parse_special_tokens);
  // Reports not ready from now on; requests are still accepted.
  void begin_leaving();
  // Rejects new requests from now on.
  void begin_drain();
  // Ends requests that are still being scored with 503, and waits until none is in progress. Returns false if
  // that takes longer than `timeout`.
  bool end_all(std::chrono::milliseconds timeout);

  bool is_ready() const;
  // Returns false if only a restart can help.
  bool is_alive() const;
  MetricsMoment moment() const;

  Cancel handle(HttpRequest request, Post post, Done done) override;
  std::optional<HttpReply> refuse_unread(const HttpRequest& head) override;
  HttpReply refuse_broken(const HttpRequest& head, int status, const std::string& message) override;

 private:
  friend class ScoringTask;
  friend class TokenizingTask;

  // Exists once the model is loaded; does not change.
  struct Serving {
    std::unique_ptr<ScoringEngine> engine;
    api::RequestRules rules;
    bool parse_special_tokens = false;
  };

  Cancel dispatch(const std::shared_ptr<Exchange>& exchange);
  void answer_get(Exchange& exchange) const;
  void answer_health(Exchange& exchange, bool is_good) const;
  void preflight(Exchange& exchange) const;
  // Throws ApiError with 401, and counts it.
  void require_key(const HttpRequest& request);
  // Throws ApiError with 503, and counts it.
  const Serving& require_serving(const HttpRequest& request);
  const Serving* serving() const { return serving_pointer_.load(); }
  std::string phase_message() const;

  void add_task(ScoringTask* task);
  void remove_task(ScoringTask* task);

  const ServiceOptions options_;
  const std::string model_;  // safe to show to clients
  MemoryBudget& budget_;
  ApiKeys keys_;
  Metrics metrics_;
  ExchangeContext exchanges_;
  Admission admission_;
  api::ServiceCard card_;  // guarded by mutex_ until serving
  mutable std::mutex mutex_;
  std::unordered_set<ScoringTask*> tasks_;  // guarded by mutex_
  std::unique_ptr<Serving> serving_;        // set once; outlives all tasks
  std::atomic<const Serving*> serving_pointer_{nullptr};
  std::atomic<bool> leaving_{false};
  std::atomic<bool> draining_{false};
  std::atomic<bool> ended_{false};
  std::atomic<std::chrono::steady_clock::rep> drain_began_{0};
  WorkerThreads workers_;  // last: its threads use the members above
};

}  // namespace rerank
