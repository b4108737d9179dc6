// Encodes the texts of requests and forms batches of them. Requests of one priority take turns document by
// document, so that a large one does not delay a small one. batch_planner.h places prompts in the batch.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <string>

#include "engine/encode/request_encoder.h"
#include "engine/schedule/batch_planner.h"
#include "engine/schedule/pending_request.h"

namespace rerank {

// Not safe from several threads at once.
class Scheduler {
 public:
  // `release` is called when the scheduler releases its hold on a request.
  Scheduler(const SchedulerOptions& options, const RequestEncoder& encoder,
            std::function<void(const PendingRequestPtr&)> release);

  void add(const PendingRequestPtr& request);
  // Adds what fits to `planned`, for a few milliseconds at most; returns true once nothing more can be added.
  // Requests that are invalid, cancelled or past their deadline are released.
  bool fill(PlannedBatch& planned);
  // Called after `planned` was handed over; the next fill starts another batch.
  void close_batch();
  // Fails all requests with this status and releases them.
  void drop_all(Status status, const std::string& message);

  // Whether some request found no room in the batch being formed.
  bool is_full() const { return is_full_; }
  // Tokens of prefixes that are cached or in use.
  std::int32_t prefix_cache_tokens() const { return planner_.prefix_cache_tokens(); }

 private:
  enum class Outcome {
    kPlanned,
    kNoRoom,
    kTexts,  // encoding them takes longer than this slice
    kEnded,
  };
  using Turns = std::list<PendingRequestPtr>;

  void start_batch(PlannedBatch& planned);
  bool fill_from(Turns& turns, PlannedBatch& planned);
  void let_chunks_pass(std::int32_t priority);
  Outcome plan_next(const PendingRequestPtr& request, PlannedBatch& planned);
  bool has_ended(PendingRequest& request) const;
  bool encode_next(PendingRequest& request, std::chrono::nanoseconds most) const;
  bool encode_slow();
  void let_go(const PendingRequestPtr& request);

  SchedulerOptions options_;
  const RequestEncoder& encoder_;
  std::function<void(const PendingRequestPtr&)> release_;
  BatchPlanner planner_;
  std::map<std::int32_t, Turns> active_;  // by priority
  Clock::time_point slice_end_;           // when fill returns even if work is left
  bool batch_started_ = false;
  bool is_full_ = false;
};

}  // namespace rerank
