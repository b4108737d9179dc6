// One rerank or score request in the service: parsed, admitted, scored by the engine, answered.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>

#include "api/scoring_call.h"
#include "server/service/admission.h"
#include "server/service/exchange.h"
#include "server/service/service.h"
#include "server/service/worker_threads.h"

namespace rerank {

// Lives until it is answered. Its steps run one after another on several threads; cancelling is safe at any
// time.
class ScoringTask : public std::enable_shared_from_this<ScoringTask> {
 public:
  ScoringTask(Service& service, const Service::Serving& serving, std::shared_ptr<Exchange> exchange);
  ~ScoringTask();
  ScoringTask(const ScoringTask&) = delete;
  ScoringTask& operator=(const ScoringTask&) = delete;

  // Starts with parsing the body, here or on a worker thread depending on its size.
  void start();
  // The client has disconnected.
  void abandon();
  // The service is shutting down.
  void stop();

 private:
  enum class End { kNone, kAbandoned, kStopped };

  void post_reading(WorkSize size);
  void run(WorkSize size);
  void read_and_submit();
  void submit();
  void on_result(Result result);
  void finish(const Result& result);
  void answer(const Result& result);
  HttpReply reply_of(const Result& result);
  void cancel(End why);
  End ended();
  void log_call() const;
  void leave_queue(std::int64_t num_tokens);
  std::int64_t num_documents() const { return static_cast<std::int64_t>(call_.num_documents); }
  ScoringSummary summary_of(const Result& result) const;

  Service& service_;
  const Service::Serving& serving_;
  std::shared_ptr<Exchange> exchange_;
  api::ScoringCall call_;
  std::size_t reply_bytes_ = 0;  // upper bound
  std::optional<Load> load_;     // while admitted

  std::mutex mutex_;
  std::optional<Engine::RequestId> id_;  // guarded by mutex_
  End end_ = End::kNone;                 // guarded by mutex_
};

}  // namespace rerank
