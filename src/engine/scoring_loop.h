// The engine at work on a loaded model: requests in from any thread, results out through their callbacks.
// Where the model comes from is not here.
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "engine/loading.h"
#include "engine/pending_request.h"
#include "engine/scheduler.h"
#include "rerank/engine.h"

namespace rerank {

// Two threads: one encodes and plans the next batch while the other computes. Public members are those of
// Engine and safe from any thread.
class __attribute__((visibility("hidden"))) ScoringLoop {
 public:
  // REQUIRES: the backend has loaded the model.
  explicit ScoringLoop(LoadedModel loaded);
  // Requests not finished end with Status::kCancelled.
  ~ScoringLoop();
  ScoringLoop(const ScoringLoop&) = delete;
  ScoringLoop& operator=(const ScoringLoop&) = delete;

  Engine::RequestId submit(Request request, Engine::Callback callback);
  void cancel(Engine::RequestId id);
  bool healthy() const;
  EngineStatistics statistics() const;
  const LoadedModel& loaded() const { return loaded_; }

 private:
  // The planner's thread: adds to the open batch for as long as the worker is busy with another.
  void plan();
  // The worker's thread.
  void work();
  void compute(PlannedBatch& batch);
  void finish(PlannedBatch& batch, Status status, const std::string& message);
  // Lets go of one hold; the last one ends the request.
  void release(const PendingRequestPtr& request);

  LoadedModel loaded_;
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
  std::map<Engine::RequestId, PendingRequestPtr> running_;
  Engine::RequestId last_id_ = 0;
  std::string failure_;
  EngineStatistics statistics_;

  std::thread planner_;
  std::thread worker_;
};

}  // namespace rerank
