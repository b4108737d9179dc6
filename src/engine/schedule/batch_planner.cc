#include "engine/schedule/batch_planner.h"

#include <algorithm>
#include <utility>

namespace rerank {
namespace {

void append_ranges(const PrefixCache::Part* part, std::vector<KeyRange>& ranges) {
  if (part == nullptr) return;
  append_ranges(part->parent, ranges);
  ranges.push_back({part->slot, part->num_tokens()});
}

std::int32_t end_position(const PrefixCache::Part* part) {
  return part == nullptr ? 0 : part->first_position + part->num_tokens();
}

// Appends a segment whose ancestors are `parent` and its ancestors.
Segment& append_segment(const PrefixCache::Part* parent, std::span<const std::int32_t> ids,
                        PackedBatch& batch) {
  Segment segment;
  segment.first_row = batch.num_tokens();
  segment.num_tokens = static_cast<std::int32_t>(ids.size());
  segment.first_position = end_position(parent);
  segment.first_range = static_cast<std::int32_t>(batch.ranges.size());
  append_ranges(parent, batch.ranges);
  segment.num_ranges = static_cast<std::int32_t>(batch.ranges.size()) - segment.first_range;
  batch.ids.insert(batch.ids.end(), ids.begin(), ids.end());
  return batch.segments.emplace_back(segment);
}

}  // namespace

void PlannedBatch::reserve(const SchedulerOptions& options) {
  batch.ids.reserve(static_cast<std::size_t>(options.max_num_batched_tokens));
  const auto most_segments =
      static_cast<std::size_t>(std::min(options.max_segments(), options.max_num_batched_tokens));
  batch.segments.reserve(most_segments);
  batch.ranges.reserve(static_cast<std::size_t>(options.segments_of_prompt()) * most_segments);
  scored.reserve(static_cast<std::size_t>(std::min(options.max_num_seqs, options.max_num_batched_tokens)));
}

void BatchPlanner::start_batch() {
  ++batch_;
  if (chain_ && chain_->head != nullptr) cache_.use(chain_->head, batch_);
  cache_.trim(batch_);
}

bool BatchPlanner::is_full(const PlannedBatch& planned) const {
  return planned.batch.num_scores == options_.max_num_seqs || room(planned) == 0 ||
         static_cast<std::int32_t>(planned.batch.segments.size()) + options_.segments_of_prompt() >
             options_.max_segments();
}

std::int32_t BatchPlanner::room(const PlannedBatch& planned) const {
  return options_.max_num_batched_tokens - planned.batch.num_tokens();
}

std::uint64_t BatchPlanner::owner(const PendingRequest& request) const {
  return options_.share_between_requests ? 0 : request.whole->id;
}

BatchPlanner::KeptHead BatchPlanner::kept_head(const PendingRequest& request) const {
  KeptHead kept;
  for (const TokenIds& ids : request.head().parts) {
    const Part* part = cache_.find(kept.last, owner(request), ids);
    if (part == nullptr) break;
    kept.last = part;
    ++kept.num_parts;
  }
  return kept;
}

std::int32_t BatchPlanner::missing_head_tokens(const PendingRequest& request) const {
  return request.head().num_tokens() - end_position(kept_head(request).last);
}

BatchPlanner::Outcome BatchPlanner::plan(const PendingRequestPtr& request, PlannedBatch& planned) {
  if (is_full(planned)) return Outcome::kNoRoom;
  if (chain_ && chain_->request == request) return plan_chunk(planned);
  const EncodedHead& head = request->head();
  if (request->held_head != nullptr &&
      std::ranges::find(head.parts, request->held_head->ids) == head.parts.end()) {
    cache_.let_go(std::exchange(request->held_head, nullptr));  // of the previous query
  }
  const std::int32_t head_cost = missing_head_tokens(*request);
  const std::int32_t cost = head_cost + size_of(request->next_document->ids);
  if (head_cost >= options_.max_num_batched_tokens) return plan_long_head(request, planned);
  if (cost > options_.max_num_batched_tokens) return plan_long_document(request, head_cost, planned);
  if (cost > room(planned)) return Outcome::kNoRoom;
  const std::optional<const Part*> planned_head = plan_head(*request, planned);
  if (!planned_head) return plan_alone(request, planned);
  const Part* const part = *planned_head;
  // A short part that follows a long one.
  if (request->held_head != nullptr && request->held_head != part && may_hold(*request, part->num_tokens())) {
    hold(*request, part);
  }
  append_segment(part, request->next_document->ids, planned.batch).type_border =
      request->next_document->type_border;
  score_last(request, head.num_tokens() - head_cost, planned);
  return Outcome::kPlanned;
}

void BatchPlanner::forget(PendingRequest& request) {
  // The part that a chain was computing stays incomplete: it cannot be found, and its slots can be reused.
  if (chain_ && chain_->request.get() == &request) chain_.reset();
  if (request.held_head != nullptr) cache_.let_go(std::exchange(request.held_head, nullptr));
}

BatchPlanner::Outcome BatchPlanner::plan_long_document(const PendingRequestPtr& request,
                                                       std::int32_t head_cost, PlannedBatch& planned) {
  if (!can_start_document()) return Outcome::kNoChunks;
  if (head_cost >= room(planned)) return Outcome::kNoRoom;
  Chain chain{request, nullptr, nullptr, request->next_document->ids};
  const std::optional<const Part*> planned_head = plan_head(*request, planned);
  if (!planned_head) return plan_alone(request, planned);
  chain.head = *planned_head;
  request->num_cached_tokens += request->head().num_tokens() - head_cost;
  start_chain(std::move(chain));
  return plan_chunk(planned);
}

// Computes the next part of a prefix that is as long as a batch or longer, in chunks, into its own slots. It
// is held until all documents of the request that need it are planned; otherwise its slots could be reused
// before the first of them.
BatchPlanner::Outcome BatchPlanner::plan_long_head(const PendingRequestPtr& request, PlannedBatch& planned) {
  if (chain_) return Outcome::kNoChunks;
  const KeptHead kept = kept_head(*request);
  const TokenIds& ids = request->head().parts[kept.num_parts];
  if (!may_hold(*request, size_of(ids))) return plan_alone(request, planned);
  Chain chain{request, kept.last, nullptr, ids};
  chain.part = cache_.insert(kept.last, owner(*request), ids, batch_);
  if (chain.part == nullptr) return plan_alone(request, planned);
  cache_.set_complete(chain.part, false);
  hold(*request, chain.part);
  start_chain(std::move(chain));
  return plan_chunk(planned);
}

// Requests may hold at most three quarters of the cache, which leaves room for the prefixes of others. A
// request that is the only holder may hold all of it.
bool BatchPlanner::may_hold(const PendingRequest& request, std::int32_t num_tokens) const {
  const std::int32_t held = cache_.num_held_tokens();
  return held == end_position(request.held_head) || held + num_tokens <= options_.cache_slots() / 4 * 3;
}

void BatchPlanner::hold(PendingRequest& request, const Part* part) {
  cache_.hold(part);
  if (request.held_head != nullptr) cache_.let_go(request.held_head);  // its parent
  request.held_head = part;
}

// Plans the whole prompt without shared parts: the cache has no room for the prefix, and there is nothing
// left to wait for.
BatchPlanner::Outcome BatchPlanner::plan_alone(const PendingRequestPtr& request, PlannedBatch& planned) {
  TokenIds ids;
  for (const TokenIds& part : request->head().parts) ids.insert(ids.end(), part.begin(), part.end());
  ids.insert(ids.end(), request->next_document->ids.begin(), request->next_document->ids.end());
  if (size_of(ids) <= options_.max_num_batched_tokens) {
    if (size_of(ids) > room(planned)) return Outcome::kNoRoom;
    append_segment(nullptr, ids, planned.batch);
    score_last(request, 0, planned);
    return Outcome::kPlanned;
  }
  if (!can_start_document()) return Outcome::kNoChunks;
  start_chain({request, nullptr, nullptr, std::move(ids)});
  return plan_chunk(planned);
}

bool BatchPlanner::can_start_document() const {
  // The first chunk of a document may not be in the same batch as the last chunk of another, whose keys it
  // would overwrite while they are being read.
  return !chain_ && document_batch_ != batch_;
}

void BatchPlanner::start_chain(Chain chain) {
  chain.request->whole->planned = true;
  chain_ = std::move(chain);
}

BatchPlanner::Outcome BatchPlanner::plan_chunk(PlannedBatch& planned) {
  Chain& chain = *chain_;
  const std::int32_t left = size_of(chain.ids) - chain.done;
  const std::int32_t size = std::min(left, room(planned));
  if (size <= 0) return Outcome::kNoRoom;
  const std::int32_t first_slot = chain.part != nullptr ? chain.part->slot : options_.cache_slots();
  Segment& segment = append_segment(
      chain.head,
      std::span(chain.ids).subspan(static_cast<std::size_t>(chain.done), static_cast<std::size_t>(size)),
      planned.batch);
  segment.first_position += chain.done;
  if (chain.done > 0) {
    planned.batch.ranges.push_back({first_slot, chain.done});
    ++segment.num_ranges;
  }
  if (chain.part != nullptr) {
    cache_.use(chain.part, batch_);
  } else {
    document_batch_ = batch_;
  }
  if (size < left || chain.part != nullptr) segment.slot = first_slot + chain.done;
  chain.done += size;
  if (size < left) return Outcome::kPlanned;
  const PendingRequestPtr request = chain.request;
  if (chain.part != nullptr) {
    cache_.set_complete(chain.part, true);
    // All documents count the part as cached, but the first one computed it.
    request->num_cached_tokens -= size_of(chain.ids);
    chain_.reset();
  } else {
    chain_.reset();
    score_last(request, 0, planned);
  }
  return Outcome::kPlanned;
}

// The last part of the prefix, or nullptr if there is none; nullopt if the cache has no room.
std::optional<const PrefixCache::Part*> BatchPlanner::plan_head(const PendingRequest& request,
                                                                PlannedBatch& planned) {
  const Part* last = nullptr;
  for (const TokenIds& ids : request.head().parts) {
    last = plan_part(last, request, ids, planned);
    if (last == nullptr) return std::nullopt;
  }
  return last;
}

const PrefixCache::Part* BatchPlanner::plan_part(const Part* parent, const PendingRequest& request,
                                                 std::span<const std::int32_t> ids, PlannedBatch& planned) {
  if (const Part* part = cache_.find(parent, owner(request), ids)) {
    cache_.use(part, batch_);
    return part;
  }
  const Part* part = cache_.insert(parent, owner(request), ids, batch_);
  if (part != nullptr) append_segment(parent, ids, planned.batch).slot = part->slot;
  return part;
}

// The last segment of the batch completes the request's next document.
void BatchPlanner::score_last(const PendingRequestPtr& request, std::int32_t cached_tokens,
                              PlannedBatch& planned) {
  Segment& segment = planned.batch.segments.back();
  segment.score = planned.batch.num_scores++;
  DocumentScore& score = request->score_of(request->next);
  score.num_tokens = segment.first_position + segment.num_tokens;
  score.truncated = request->next_document->truncated;
  request->num_cached_tokens += cached_tokens;
  request->whole->planned = true;
  ++request->holds;
  planned.scored.push_back({request, request->next});
  ++request->next;
  request->next_document.reset();
}

}  // namespace rerank
