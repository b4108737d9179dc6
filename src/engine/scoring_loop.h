// The loop of one replica: accepts parts of requests from any thread and passes their scores to callbacks. It
// knows neither how the model is loaded nor about other replicas.
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

// Two threads: one encodes and plans the next batch, the other passes batches to the backend and hands out
// the scores. Helper threads encode requests that arrive while nothing is computed. An asynchronous backend
// gets its next batch before it completes the current one. Public members are safe from any thread.
class ScoringLoop {
 public:
  // REQUIRES: the backend has loaded the model.
  ScoringLoop(std::shared_ptr<const RequestEncoder> encoder, const SchedulerOptions& options,
              LoadedReplica replica);
  ~ScoringLoop();
  ScoringLoop(const ScoringLoop&) = delete;
  ScoringLoop& operator=(const ScoringLoop&) = delete;

  // REQUIRES: the request's limits are valid, and stop was not called.
  void submit(PendingRequestPtr request);
  // Makes the planner notice cancelled requests without waiting for a batch.
  void look_again();
  // Ends the threads; unfinished requests end with Status::kCancelled. Returns false if the device does not
  // return the worker's thread within LoadedReplica::device_timeout plus a grace period of at most the same
  // length. This object must then never be destroyed.
  [[nodiscard]] bool stop();
  bool healthy() const;
  ReplicaStatistics statistics() const;

 private:
  // A batch that the backend has started.
  struct Forward {
    PlannedBatch batch;
    Clock::time_point begun;
  };

  // Whether the device is idle and no other request is waiting.
  bool is_idle() const;
  // The planner's thread: adds to the open batch until the worker takes it.
  void plan();
  // Waits until there is something to do. Meanwhile gives up on a device that hangs.
  void wait_for_work(std::unique_lock<std::mutex>& lock);
  // When the device will have been silent for too long; nullopt if it is idle or has no timeout.
  std::optional<Clock::time_point> silent_until() const;
  bool is_silent_for_too_long() const;
  // Fails the batches on the device and everything after them, without waiting for the device.
  void give_up(std::unique_lock<std::mutex>& lock);
  // The worker's thread.
  void work();
  bool may_begin() const;
  void begin(PlannedBatch batch);
  void complete_oldest();
  void hand_out(PlannedBatch& batch, std::chrono::nanoseconds taken);
  void fail_all_begun(const std::string& failure);
  void finish(PlannedBatch& batch, Status status, const std::string& message);
  // Releases one hold; the last one ends the request.
  void release(const PendingRequestPtr& request);

  std::shared_ptr<const RequestEncoder> encoder_;
  LoadedReplica replica_;
  const SchedulerOptions options_;
  EncodingThreads helpers_;
  Scheduler scheduler_;  // used only by the planner
  // Used only by the worker.
  std::vector<float> logits_;
  Clock::time_point last_completed_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  bool planning_ = false;      // the planner is adding to open_
  bool computing_ = false;     // the worker has batches that are not computed yet
  bool work_waits_ = false;    // for the planner: arrivals, cancellations, or new room
  bool batch_taken_ = false;   // since the planner last looked, the worker took open_
  PlannedBatch open_;          // owned by the planner while planning_, otherwise guarded by mutex_
  std::deque<Forward> begun_;  // oldest first; modified only by the worker
  std::optional<Clock::time_point> busy_since_;  // since when the device has work but returned nothing
  bool given_up_ = false;                        // give_up has failed the batches in begun_
  bool worker_ended_ = false;
  bool open_is_full_ = false;  // some request found no room in it
  std::vector<PendingRequestPtr> inbox_;
  std::string failure_;
  ReplicaStatistics statistics_;

  std::thread planner_;
  std::thread worker_;
};

}  // namespace rerank
