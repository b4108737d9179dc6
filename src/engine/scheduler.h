// Forms batches: which documents of which requests come next, with which shared parts, within the token
// budget. Requests of one priority take turns document by document, so that a large one does not hold up a
// small one.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "backend/packed_batch.h"
#include "engine/pending_request.h"
#include "engine/prefix_cache.h"
#include "engine/request_encoder.h"

namespace rerank {

struct SchedulerOptions {
  std::int32_t max_num_batched_tokens = 0;
  std::int32_t max_num_seqs = 0;
  std::int32_t max_model_len = 0;
  std::int32_t prefix_cache_tokens = 0;
  bool share_between_requests = true;

  // Key/value slots: for shared parts, then for the one long document under way.
  std::int32_t cache_slots() const { return max_model_len + prefix_cache_tokens; }
  std::int32_t chain_slots() const { return max_num_batched_tokens < max_model_len ? max_model_len : 0; }
  std::int32_t num_slots() const { return cache_slots() + chain_slots(); }
  // A scored document needs at most two shared parts before it; a long one may be cut once more.
  std::int32_t max_segments() const { return 3 * max_num_seqs + 3; }
  std::int32_t max_ranges() const { return 3 * max_segments(); }
};

// A batch and whom its scores belong to.
struct PlannedBatch {
  struct Scored {
    PendingRequestPtr request;
    std::size_t document;
  };

  PackedBatch batch;
  std::vector<Scored> scored;  // [num_scores]

  bool empty() const { return batch.ids.empty(); }
  void clear() {
    batch.clear();
    scored.clear();
  }
};

// Not safe from several threads at once.
class Scheduler {
 public:
  // `release` is called when the scheduler lets go of its hold on a request.
  Scheduler(const SchedulerOptions& options, const RequestEncoder& encoder,
            std::function<void(const PendingRequestPtr&)> release);

  void add(PendingRequestPtr request);
  // Adds to `planned` whatever fits. Requests that turn out wrong, are cancelled or too late are let go of.
  void fill(PlannedBatch& planned);
  // `planned` has been handed on; the next fill starts another batch.
  void close_batch();
  // Lets go of all requests, failed as given.
  void drop_all(Status status, const std::string& message);

  // After fill: whether a request has documents left for which there was no room.
  bool has_waiting() const;
  // Tokens of prompt heads that are kept or in use.
  std::int32_t prefix_cache_tokens() const { return cache_.num_tokens(); }

 private:
  enum class Outcome { kPlanned, kNoRoom, kFailed };

  // A document longer than a batch, computed in chunks whose keys stay in slots of their own. One at a time.
  struct Chain {
    PendingRequestPtr request;
    const PrefixCache::Part* head;  // nullptr: the head is among the ids
    std::vector<std::int32_t> ids;
    std::int32_t done = 0;
  };

  using Turns = std::deque<PendingRequestPtr>;

  void start_batch();
  void fill_from(Turns& turns, PlannedBatch& planned);
  void let_chain_pass(std::int32_t priority);
  Outcome plan_next(const PendingRequestPtr& request, PlannedBatch& planned);
  bool prepare(PendingRequest& request) const;
  void prepare_head(PendingRequest& request) const;
  Outcome plan_whole(const PendingRequestPtr& request, PlannedBatch& planned);
  Outcome plan_long(const PendingRequestPtr& request, std::int32_t head_cost, PlannedBatch& planned);
  Outcome plan_alone(const PendingRequestPtr& request, PlannedBatch& planned);
  void start_chain(const PendingRequestPtr& request, const PrefixCache::Part* head,
                   std::vector<std::int32_t> ids);
  Outcome plan_chunk(PlannedBatch& planned);
  const PrefixCache::Part* plan_head(const PendingRequest& request, PlannedBatch& planned);
  const PrefixCache::Part* plan_part(const PrefixCache::Part* parent, const PendingRequest& request,
                                     std::span<const std::int32_t> ids, PlannedBatch& planned);
  std::int32_t missing_head_tokens(const PendingRequest& request) const;
  std::uint64_t owner(const PendingRequest& request) const;
  std::int32_t room(const PlannedBatch& planned) const;
  void score_last(const PendingRequestPtr& request, std::int32_t cached_tokens, PlannedBatch& planned);
  bool can_start_chain() const;

  SchedulerOptions options_;
  const RequestEncoder& encoder_;
  std::function<void(const PendingRequestPtr&)> release_;
  PrefixCache cache_;
  std::map<std::int32_t, Turns> active_;  // by priority
  std::optional<Chain> chain_;
  std::uint64_t batch_ = 1;
  std::uint64_t chain_batch_ = 0;  // the last one that used the chain's slots
  bool batch_started_ = false;
};

}  // namespace rerank
