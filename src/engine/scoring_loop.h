// One replica at work: parts of requests in from any thread, their scores out through their callbacks. Where
// the model comes from and who else scores parts of a request is not here.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "engine/encode/encoding_threads.h"
#include "engine/loading.h"
#include "engine/schedule/pending_request.h"
#include "engine/schedule/scheduler.h"
#include "rerank/engine.h"

namespace rerank {

// Counted by a replica since its start.
struct ReplicaStatistics {
  std::int64_t num_batches = 0;
  std::int64_t num_computed_tokens = 0;
  std::int64_t prefix_cache_tokens_used = 0;  // now
  std::chrono::nanoseconds compute{};
};

// Two threads, and helpers that encode what comes while nothing is computed: one encodes and plans the next
// batch, the other hands batches to the backend and their scores out. A backend that works by itself has its
// next batch before it is done with one. Public members are safe from any thread.
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
  // Ends the threads; what is not finished ends with Status::kCancelled. False if the device does not give
  // back the worker's thread within LoadedReplica::device_timeout and, given up, a moment (at most as long
  // again): then this object must never be destroyed.
  [[nodiscard]] bool stop();
  bool healthy() const;
  ReplicaStatistics statistics() const;

 private:
  // A batch that the backend has begun.
  struct Forward {
    PlannedBatch batch;
    Clock::time_point begun;
  };

  // Whether the device waits for a request, and nothing else came before it.
  bool is_idle() const;
  // The planner's thread: adds to the open batch for as long as the worker does not take it.
  void plan();
  // Until there is something to do. Meanwhile a device that hangs is given up.
  void wait_for_work(std::unique_lock<std::mutex>& lock);
  // When the device will have been silent for too long; unset while it has nothing to do, or all the time.
  std::optional<Clock::time_point> silent_until() const;
  bool is_silent_for_too_long() const;
  // Ends what the device has begun, and what comes after it, without waiting for it.
  void give_up(std::unique_lock<std::mutex>& lock);
  // The worker's thread.
  void work();
  bool may_begin() const;
  void begin(PlannedBatch batch);
  void complete_oldest();
  void hand_out(PlannedBatch& batch, std::chrono::nanoseconds taken);
  void fail_all_begun(const std::string& failure);
  void finish(PlannedBatch& batch, Status status, const std::string& message);
  // Lets go of one hold; the last one ends the request.
  void release(const PendingRequestPtr& request);

  std::shared_ptr<const RequestEncoder> encoder_;
  LoadedReplica replica_;
  const SchedulerOptions options_;
  EncodingThreads helpers_;
  Scheduler scheduler_;  // the planner's
  // The worker's.
  std::vector<float> logits_;
  Clock::time_point last_completed_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  bool planning_ = false;      // the planner is adding to open_
  bool computing_ = false;     // batches are taken that are not computed yet
  bool work_waits_ = false;    // for the planner: something arrived, was cancelled, or room was made
  bool batch_taken_ = false;   // the worker took open_ since the planner last looked
  PlannedBatch open_;          // the planner's while planning_, else guarded by mutex_
  std::deque<Forward> begun_;  // the oldest first; changed by the worker alone
  std::optional<Clock::time_point> busy_since_;  // the device has had work and given nothing back
  bool given_up_ = false;                        // what has begun was ended by others
  bool worker_ended_ = false;
  bool open_is_full_ = false;  // somebody found no room in it
  std::vector<PendingRequestPtr> inbox_;
  std::string failure_;
  ReplicaStatistics statistics_;

  std::thread planner_;
  std::thread worker_;
};

}  // namespace rerank
