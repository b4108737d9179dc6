// One replica at work: parts of requests in from any thread, their scores out through their callbacks. Where
// the model comes from and who else scores parts of a request is not here.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "engine/loading.h"
#include "engine/pending_request.h"
#include "engine/scheduler.h"
#include "rerank/engine.h"

namespace rerank {

// Counted by a replica since its start.
struct ReplicaStatistics {
  std::int64_t num_batches = 0;
  std::int64_t num_computed_tokens = 0;
  std::int64_t prefix_cache_tokens_used = 0;  // now
  std::chrono::nanoseconds compute{};
};

// Two threads: one encodes and plans the next batch while the other computes. Public members are safe from
// any thread.
class ScoringLoop {
 public:
  // REQUIRES: the backend has loaded the model.
  ScoringLoop(std::shared_ptr<const RequestEncoder> encoder, const SchedulerOptions& options,
              LoadedReplica replica);
  ~ScoringLoop();
  ScoringLoop(const ScoringLoop&) = delete;
  ScoringLoop& operator=(const ScoringLoop&) = delete;

  // REQUIRES: the request's limits are right, and stop was not called.
  void submit(PendingRequestPtr request);
  // Notices what was cancelled without waiting for a batch.
  void look_again();
  // Ends the threads; what is not finished ends with Status::kCancelled.
  void stop();
  bool healthy() const;
  ReplicaStatistics statistics() const;

 private:
  // The planner's thread: adds to the open batch for as long as the worker is busy with another.
  void plan();
  // The worker's thread.
  void work();
  void compute(PlannedBatch& batch);
  void finish(PlannedBatch& batch, Status status, const std::string& message);
  // Lets go of one hold; the last one ends the request.
  void release(const PendingRequestPtr& request);

  std::shared_ptr<const RequestEncoder> encoder_;
  LoadedReplica replica_;
  Scheduler scheduler_;        // the planner's
  std::vector<float> logits_;  // the worker's

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  bool planning_ = false;     // the planner is adding to open_
  bool work_waits_ = false;   // for the planner: something arrived, was cancelled, or room was made
  bool batch_taken_ = false;  // the worker took open_ since the planner last looked
  PlannedBatch open_;         // the planner's while planning_, else guarded by mutex_
  std::vector<PendingRequestPtr> inbox_;
  std::string failure_;
  ReplicaStatistics statistics_;

  std::thread planner_;
  std::thread worker_;
};

}  // namespace rerank
