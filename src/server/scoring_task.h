// One rerank or score request on its way through the service: read, admitted, scored by the engine, answered.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "api/scoring_call.h"
#include "server/admission.h"
#include "server/exchange.h"
#include "server/service.h"

namespace rerank {

// Lives as long as it is under way. Its steps follow one another on several threads; cancelling is safe at
// any time.
class ScoringTask : public std::enable_shared_from_this<ScoringTask> {
 public:
  ScoringTask(Service& service, const Service::Serving& serving, std::shared_ptr<Exchange> exchange);
  ~ScoringTask();
  ScoringTask(const ScoringTask&) = delete;
  ScoringTask& operator=(const ScoringTask&) = delete;

  // Reads the body here or on a worker's thread, by its size, and goes on from there.
  void start();
  // The client is gone.
  void abandon();
  // The service ends.
  void stop();

 private:
  enum class End { kNone, kAbandoned, kStopped };

  void run();
  void read_and_submit();
  void submit(std::optional<std::chrono::steady_clock::time_point> deadline);
  void on_result(std::size_t index, Result result);
  void finish();
  HttpReply reply_of(const Result& result) const;
  void cancel(End why);
  End ended();
  void log_call() const;
  std::optional<std::chrono::steady_clock::time_point> deadline() const;
  bool is_large() const;
  ScoringSummary summary_of(const Result& result) const;

  Service& service_;
  const Service::Serving& serving_;
  std::shared_ptr<Exchange> exchange_;
  api::ScoringCall call_;
  std::int64_t num_documents_ = 0;
  std::optional<Load> load_;     // while admitted
  std::vector<Result> results_;  // [call_.requests]
  std::atomic<std::size_t> num_missing_{0};

  std::mutex mutex_;
  std::vector<Engine::RequestId> ids_;  // guarded by mutex_
  End end_ = End::kNone;                // guarded by mutex_
};

}  // namespace rerank
