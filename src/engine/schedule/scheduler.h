// Whose turn it is: encodes the texts of requests and forms batches of them. Requests of one priority take
// turns document by document, so that a large one does not hold up a small one. Where a prompt goes in the
// batch stands in batch_planner.h.
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
  // `release` is called when the scheduler lets go of its hold on a request.
  Scheduler(const SchedulerOptions& options, const RequestEncoder& encoder,
            std::function<void(const PendingRequestPtr&)> release);

  void add(const PendingRequestPtr& request);
  // Adds to `planned` what fits, for some milliseconds at most; true once there is nothing more to do.
  // Requests that turn out wrong, are cancelled or too late are let go of.
  bool fill(PlannedBatch& planned);
  // `planned` has been handed on; the next fill starts another batch.
  void close_batch();
  // Lets go of all requests, failed as given.
  void drop_all(Status status, const std::string& message);

  // Whether a request found no room in the batch being formed.
  bool is_full() const { return is_full_; }
  // Tokens of prompt heads that are kept or in use.
  std::int32_t prefix_cache_tokens() const { return planner_.prefix_cache_tokens(); }

 private:
  enum class Outcome {
    kPlanned,
    kNoRoom,
    kTexts,  // take longer to encode than is waited for here
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
  Clock::time_point slice_end_;           // when fill returns whatever is left to do
  bool batch_started_ = false;
  bool is_full_ = false;
};

}  // namespace rerank
