// The service behind the front: lets requests in or turns them away, has them scored, answers, counts and
// logs. It knows no sockets, and takes what JSON means from api/.
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
  // Answers right away, but scores nothing before begin_serving(). `model` is what was asked to be loaded;
  // `front` must outlive it. Throws Error naming a flag.
  Service(ServiceOptions options, const std::string& model, const FrontCounters& front, MemoryBudget& budget);
  // REQUIRES: the front is gone, or holds no request.
  ~Service() override;

  // The model is loaded and warm: from now on requests are welcome. `parse_special_tokens` as the engine has
  // it. Call once.
  void begin_serving(std::unique_ptr<ScoringEngine> engine, bool parse_special_tokens);
  // From now on readiness is false; requests are still taken.
  void begin_leaving();
  // From now on new requests are turned away.
  void begin_drain();
  // Ends what is still being scored with 503, and waits until nothing is under way; false if that took longer
  // than `timeout`.
  bool end_all(std::chrono::milliseconds timeout);

  bool is_ready() const;
  // False when only a restart can help.
  bool is_alive() const;
  MetricsMoment moment() const;

  Cancel handle(HttpRequest request, Post post, Done done) override;
  std::optional<HttpReply> refuse_unread(const HttpRequest& head) override;
  HttpReply refuse_broken(const HttpRequest& head, int status, const std::string& message) override;

 private:
  friend class ScoringTask;
  friend class TokenizingTask;

  // What there is once the model is loaded; does not change.
  struct Serving {
    std::unique_ptr<ScoringEngine> engine;
    api::RequestRules rules;
    bool parse_special_tokens = false;
  };

  Cancel dispatch(const std::shared_ptr<Exchange>& exchange);
  void answer_get(Exchange& exchange) const;
  void answer_health(Exchange& exchange, bool is_good) const;
  void preflight(Exchange& exchange) const;
  // Throws ApiError with 401 and counts it.
  void require_key(const HttpRequest& request);
  // Throws ApiError with 503 and counts it.
  const Serving& require_serving(const HttpRequest& request);
  const Serving* serving() const { return serving_pointer_.load(); }
  std::string phase_message() const;

  void add_task(ScoringTask* task);
  void remove_task(ScoringTask* task);

  const ServiceOptions options_;
  const std::string model_;  // as strangers may see it
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
  WorkerThreads workers_;  // last: its threads use what is above
};

}  // namespace rerank
