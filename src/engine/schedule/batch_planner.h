// Where a prompt goes in a batch: which parts of it are shared, kept or computed in chunks, within the token
// budget. Whose turn it is stands in scheduler.h.
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
  std::int32_t max_shared_tokens = INT32_MAX;  // in them, if that is fewer than max_model_len
  bool share_between_requests = true;
  // How long planning goes on before it looks at what has come meanwhile, and on a document before others
  // have their turn. A batch takes a millisecond or two.
  std::chrono::microseconds planning_slice{3000};
  std::chrono::microseconds document_slice{1000};

  // Key/value slots: for shared parts, then for the one long document under way.
  constexpr std::int32_t cache_slots() const {
    return (max_shared_tokens < max_model_len ? max_shared_tokens : max_model_len) + prefix_cache_tokens;
  }
  constexpr std::int32_t chain_slots() const {
    return max_num_batched_tokens < max_model_len ? max_model_len : 0;
  }
  constexpr std::int32_t num_slots() const { return cache_slots() + chain_slots(); }
  // Those of a scored document and of the shared parts before it. A long document may be cut once more.
  constexpr std::int32_t segments_of_prompt() const { return max_shared_parts + 1; }
  constexpr std::int32_t max_segments() const { return segments_of_prompt() * (max_num_seqs + 1); }
  constexpr std::int32_t max_ranges() const { return segments_of_prompt() * max_segments(); }
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
  // So that adding to it allocates nothing.
  void reserve(const SchedulerOptions& options);
};

// Not safe from several threads at once.
class BatchPlanner {
 public:
  enum class Outcome {
    kPlanned,   // a document of the request, or a part of its prompt
    kNoRoom,    // in this batch
    kNoChunks,  // a prompt of another request is under way in chunks, and this one needs the same
  };

  explicit BatchPlanner(const SchedulerOptions& options)
      : options_(options), cache_(options.cache_slots(), options.prefix_cache_tokens) {}

  // Another batch begins.
  void start_batch();
  // The request's next document, or of a long prompt what fits. If memory runs out, both are as they were but
  // for shared parts. REQUIRES: planned.reserve was called; the request's next document is encoded.
  Outcome plan(const PendingRequestPtr& request, PlannedBatch& planned);
  // Nothing more of the request is to be planned.
  void forget(PendingRequest& request);

  bool is_full(const PlannedBatch& planned) const;
  // Whose prompt is under way in chunks; nullptr: nobody's.
  PendingRequestPtr chunks_request() const { return chain_ ? chain_->request : nullptr; }
  // Tokens of prompt heads that are kept or in use.
  std::int32_t prefix_cache_tokens() const { return cache_.num_tokens(); }

 private:
  using Part = PrefixCache::Part;

  // What is longer than a batch, computed in chunks: a document, whose keys stay in slots of their own, or a
  // part of a head, whose slots are the part's. One at a time.
  struct Chain {
    PendingRequestPtr request;
    const Part* head = nullptr;  // before it; nullptr: what is before it is among the ids
    const Part* part = nullptr;  // that it becomes; nullptr: a document, to be scored
    std::vector<std::int32_t> ids;
    std::int32_t done = 0;
  };

  // The first parts of a head, as far as the cache has them.
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
  std::uint64_t document_batch_ = 0;  // the last one that used the slots of long documents
};

}  // namespace rerank
