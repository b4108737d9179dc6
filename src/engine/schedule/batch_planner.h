// Places a prompt in a batch: decides which parts are shared, cached or computed in chunks, within the token
// budget. scheduler.h decides which request is next.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "backend/packed_batch.h"
#include "engine/schedule/pending_request.h"
#include "engine/schedule/prefix_cache.h"

namespace rerank {

struct SchedulerOptions {
  std::int32_t max_num_batched_tokens = 0;
  std::int32_t max_num_seqs = 0;
  std::int32_t max_model_len = 0;
  std::int32_t prefix_cache_tokens = 0;
  std::int32_t max_shared_parts = 2;           // of a prompt
  std::int32_t max_shared_tokens = INT32_MAX;  // in these parts, if fewer than max_model_len
  bool share_between_requests = true;
  // How long to plan before looking at new arrivals, and how long to encode one document before other
  // requests get their turn. Computing a batch takes at least a millisecond or two.
  std::chrono::microseconds planning_slice{3000};
  std::chrono::microseconds document_slice{1000};

  // Key/value slots: first those of shared parts, then those of the one long document in progress.
  constexpr std::int32_t cache_slots() const {
    return (max_shared_tokens < max_model_len ? max_shared_tokens : max_model_len) + prefix_cache_tokens;
  }
  constexpr std::int32_t chain_slots() const {
    return max_num_batched_tokens < max_model_len ? max_model_len : 0;
  }
  constexpr std::int32_t num_slots() const { return cache_slots() + chain_slots(); }
  // The segments of a scored document and its shared parts. A long document may be split once more.
  constexpr std::int32_t segments_of_prompt() const { return max_shared_parts + 1; }
  constexpr std::int32_t max_segments() const { return segments_of_prompt() * (max_num_seqs + 1); }
  constexpr std::int32_t max_ranges() const { return segments_of_prompt() * max_segments(); }
};

// A batch, and the request and document that each of its scores belongs to.
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
  // Reserves memory so that adding to the batch does not allocate.
  void reserve(const SchedulerOptions& options);
};

// Not safe from several threads at once.
class BatchPlanner {
 public:
  enum class Outcome {
    kPlanned,   // a document of the request, or a part of its prompt
    kNoRoom,    // in this batch
    kNoChunks,  // this request needs chunks, and those of another are in progress
  };

  explicit BatchPlanner(const SchedulerOptions& options)
      : options_(options), cache_(options.cache_slots(), options.prefix_cache_tokens) {}

  // Starts another batch.
  void start_batch();
  // Plans the request's next document, or the next chunk of a long prompt. If memory runs out, request and
  // batch are unchanged except for shared parts. REQUIRES: planned.reserve was called; the next document is
  // encoded.
  Outcome plan(const PendingRequestPtr& request, PlannedBatch& planned);
  // Called when nothing more of the request will be planned.
  void forget(PendingRequest& request);

  bool is_full(const PlannedBatch& planned) const;
  // The request whose prompt is in progress in chunks, or nullptr.
  PendingRequestPtr chunks_request() const { return chain_ ? chain_->request : nullptr; }
  // Tokens of prefixes that are cached or in use.
  std::int32_t prefix_cache_tokens() const { return cache_.num_tokens(); }

 private:
  using Part = PrefixCache::Part;

  // A sequence longer than a batch, computed in chunks, one at a time: a document, whose keys have slots of
  // their own, or a part of a prefix, which uses the slots of the cached part.
  struct Chain {
    PendingRequestPtr request;
    const Part* head = nullptr;  // its parent; nullptr: none, the ids include everything
    const Part* part = nullptr;  // the part it becomes; nullptr: it is a document to score
    std::vector<std::int32_t> ids;
    std::int32_t done = 0;
  };

  // The leading parts of a prefix that are cached.
  struct KeptHead {
    const Part* last = nullptr;
    std::size_t num_parts = 0;
  };

  Outcome plan_long_document(const PendingRequestPtr& request, std::int32_t head_cost, PlannedBatch& planned);
  Outcome plan_long_head(const PendingRequestPtr& request, PlannedBatch& planned);
  Outcome plan_alone(const PendingRequestPtr& request, PlannedBatch& planned);
  void start_chain(Chain chain);
  Outcome plan_chunk(PlannedBatch& planned);
  std::optional<const Part*> plan_head(const PendingRequest& request, PlannedBatch& planned);
  const Part* plan_part(const Part* parent, const PendingRequest& request, std::span<const std::int32_t> ids,
                        PlannedBatch& planned);
  bool may_hold(const PendingRequest& request, std::int32_t num_tokens) const;
  void hold(PendingRequest& request, const Part* part);
  KeptHead kept_head(const PendingRequest& request) const;
  std::int32_t missing_head_tokens(const PendingRequest& request) const;
  std::uint64_t owner(const PendingRequest& request) const;
  std::int32_t room(const PlannedBatch& planned) const;
  void score_last(const PendingRequestPtr& request, std::int32_t cached_tokens, PlannedBatch& planned);
  bool can_start_document() const;

  SchedulerOptions options_;
  PrefixCache cache_;
  std::optional<Chain> chain_;
  std::uint64_t batch_ = 0;
  std::uint64_t document_batch_ = 0;  // last batch that used the slots of long documents
};

}  // namespace rerank
