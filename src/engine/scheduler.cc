#include "engine/scheduler.h"

#include <algorithm>
#include <utility>

#include "engine/request_queries.h"
#include "rerank/error.h"

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

std::int32_t size_of(const std::vector<std::int32_t>& ids) {
  return static_cast<std::int32_t>(ids.size());
}

}  // namespace

Scheduler::Scheduler(const SchedulerOptions& options, const RequestEncoder& encoder,
                     std::function<void(const PendingRequestPtr&)> release)
    : options_(options),
      encoder_(encoder),
      release_(std::move(release)),
      cache_(options.cache_slots(), options.prefix_cache_tokens) {}

void Scheduler::add(PendingRequestPtr request) {
  active_[request->priority].push_back(std::move(request));
}

void Scheduler::close_batch() {
  ++batch_;
  batch_started_ = false;
}

void Scheduler::drop_all(Status status, const std::string& message) {
  chain_.reset();
  for (const auto& [priority, turns] : std::exchange(active_, {})) {
    for (const PendingRequestPtr& request : turns) {
      request->fail(status, message);
      release_(request);
    }
  }
}

void Scheduler::start_batch() {
  batch_started_ = true;
  if (chain_ && chain_->head != nullptr) cache_.use(chain_->head, batch_);
  cache_.trim(batch_);
  std::erase_if(active_, [](const auto& level) { return level.second.empty(); });
  for (auto& [priority, turns] : active_) {
    // Whoever found no room in the last batch comes first in this one.
    const auto first = std::ranges::find_if(turns, [](const auto& request) { return request->passed_over; });
    std::rotate(turns.begin(), first == turns.end() ? turns.begin() : first, turns.end());
    for (const PendingRequestPtr& request : turns) request->passed_over = false;
  }
}

void Scheduler::fill(PlannedBatch& planned) {
  if (!batch_started_) start_batch();
  for (auto& [priority, turns] : active_) fill_from(turns, planned);
}

bool Scheduler::has_waiting() const {
  return std::ranges::any_of(active_, [](const auto& level) { return !level.second.empty(); });
}

void Scheduler::fill_from(Turns& turns, PlannedBatch& planned) {
  std::size_t without_room = 0;
  while (without_room < turns.size()) {
    const PendingRequestPtr request = std::move(turns.front());
    turns.pop_front();
    const Outcome outcome = plan_next(request, planned);
    if (outcome == Outcome::kFailed || request->all_planned()) {
      if (chain_ && chain_->request == request) chain_.reset();
      release_(request);
      continue;
    }
    without_room = outcome == Outcome::kNoRoom ? without_room + 1 : 0;
    request->passed_over = request->passed_over || outcome == Outcome::kNoRoom;
    turns.push_back(request);
  }
}

// Whoever waits for the chain's slots lends its priority to the chain, which else might wait for ever.
void Scheduler::let_chain_pass(std::int32_t priority) {
  if (!chain_ || chain_->request->priority <= priority) return;
  std::erase(active_[chain_->request->priority], chain_->request);
  chain_->request->priority = priority;
  add(chain_->request);
}

std::int32_t Scheduler::room(const PlannedBatch& planned) const {
  return options_.max_num_batched_tokens - planned.batch.num_tokens();
}

std::uint64_t Scheduler::owner(const PendingRequest& request) const {
  return options_.share_between_requests ? 0 : request.whole->id;
}

Scheduler::Outcome Scheduler::plan_next(const PendingRequestPtr& request, PlannedBatch& planned) {
  if (request->whole->cancelled) request->fail(Status::kCancelled, "the request was cancelled");
  if (request->request.deadline && Clock::now() > *request->request.deadline) {
    request->fail(Status::kDeadlineExceeded,
                  "the request's deadline passed before all documents were scored");
  }
  if (request->failed()) return Outcome::kFailed;
  if (request->all_planned()) return Outcome::kPlanned;
  if (planned.batch.num_scores == options_.max_num_seqs || room(planned) == 0) return Outcome::kNoRoom;
  if (!prepare(*request)) return Outcome::kFailed;
  if (chain_ && chain_->request == request) return plan_chunk(planned);
  return plan_whole(request, planned);
}

// Encodes what is looked at next; false when the request turns out wrong.
bool Scheduler::prepare(PendingRequest& request) const {
  if (request.next_document) return true;
  const Clock::time_point begin = Clock::now();
  if (!request.started) request.started = begin;
  try {
    if (request.shared != nullptr && !request.shared->covers(request.next)) request.shared.reset();
    prepare_head(request);
    if (request.shared != nullptr) {
      request.next_document = request.shared->take(request.next);
    } else {
      request.next_document = encoder_.encode_document(request.request, request.next, *request.head);
    }
  } catch (const Error& error) {
    request.fail(Status::kInvalidArgument, error.what());
    return false;
  }
  request.tokenize += Clock::now() - begin;
  return true;
}

// The preamble is encoded once, the query once for each run of equal ones.
void Scheduler::prepare_head(PendingRequest& request) const {
  if (!request.head) {
    request.head = request.shared != nullptr ? request.shared->head()
                                             : encoder_.encode_head(request.request, request.next);
  } else if (!have_same_query(request.request, request.head_document, request.next)) {
    request.head->query = encoder_.encode_query(request.request, request.next,
                                                static_cast<std::int32_t>(request.head->preamble.size()));
  }
  request.head_document = request.next;
}

std::int32_t Scheduler::missing_head_tokens(const PendingRequest& request) const {
  const PrefixCache::Part* preamble = cache_.find(nullptr, owner(request), request.head->preamble);
  if (preamble == nullptr) return request.head->num_tokens();
  const PrefixCache::Part* query = cache_.find(preamble, owner(request), request.head->query);
  return query == nullptr ? size_of(request.head->query) : 0;
}

Scheduler::Outcome Scheduler::plan_whole(const PendingRequestPtr& request, PlannedBatch& planned) {
  const std::int32_t head_cost = missing_head_tokens(*request);
  const std::int32_t cost = head_cost + size_of(request->next_document->ids);
  if (cost > options_.max_num_batched_tokens) return plan_long(request, head_cost, planned);
  if (cost > room(planned)) return Outcome::kNoRoom;
  const PrefixCache::Part* head = plan_head(*request, planned);
  if (head == nullptr) return plan_alone(request, planned);
  append_segment(head, request->next_document->ids, planned.batch);
  score_last(request, request->head->num_tokens() - head_cost, planned);
  return Outcome::kPlanned;
}

Scheduler::Outcome Scheduler::plan_long(const PendingRequestPtr& request, std::int32_t head_cost,
                                        PlannedBatch& planned) {
  if (!can_start_chain()) {
    let_chain_pass(request->priority);
    return Outcome::kNoRoom;
  }
  if (head_cost >= options_.max_num_batched_tokens) return plan_alone(request, planned);
  if (head_cost >= room(planned)) return Outcome::kNoRoom;
  const PrefixCache::Part* head = plan_head(*request, planned);
  if (head == nullptr) return plan_alone(request, planned);
  request->num_cached_tokens += request->head->num_tokens() - head_cost;
  start_chain(request, head, request->next_document->ids);
  return plan_chunk(planned);
}

// The whole prompt without shared parts: for a head larger than a batch, and where the cache has no room for
// the head although nothing else is left to wait for.
Scheduler::Outcome Scheduler::plan_alone(const PendingRequestPtr& request, PlannedBatch& planned) {
  std::vector<std::int32_t> ids = request->head->preamble;
  ids.insert(ids.end(), request->head->query.begin(), request->head->query.end());
  ids.insert(ids.end(), request->next_document->ids.begin(), request->next_document->ids.end());
  if (size_of(ids) <= options_.max_num_batched_tokens) {
    if (size_of(ids) > room(planned)) return Outcome::kNoRoom;
    append_segment(nullptr, ids, planned.batch);
    score_last(request, 0, planned);
    return Outcome::kPlanned;
  }
  if (!can_start_chain()) {
    let_chain_pass(request->priority);
    return Outcome::kNoRoom;
  }
  start_chain(request, nullptr, std::move(ids));
  return plan_chunk(planned);
}

bool Scheduler::can_start_chain() const {
  // Within one batch the first chunk of a chain would overwrite keys that the last chunk of another still
  // reads.
  return !chain_ && chain_batch_ != batch_;
}

void Scheduler::start_chain(const PendingRequestPtr& request, const PrefixCache::Part* head,
                            std::vector<std::int32_t> ids) {
  chain_ = Chain{request, head, std::move(ids)};
  request->whole->planned = true;
}

Scheduler::Outcome Scheduler::plan_chunk(PlannedBatch& planned) {
  Chain& chain = *chain_;
  const std::int32_t left = size_of(chain.ids) - chain.done;
  const std::int32_t size = std::min(left, room(planned));
  if (size <= 0) return Outcome::kNoRoom;
  Segment& segment = append_segment(
      chain.head,
      std::span(chain.ids).subspan(static_cast<std::size_t>(chain.done), static_cast<std::size_t>(size)),
      planned.batch);
  segment.first_position += chain.done;
  if (chain.done > 0) {
    planned.batch.ranges.push_back({options_.cache_slots(), chain.done});
    ++segment.num_ranges;
  }
  chain_batch_ = batch_;
  if (size == left) {
    const PendingRequestPtr request = chain.request;
    chain_.reset();
    score_last(request, 0, planned);
    return Outcome::kPlanned;
  }
  segment.slot = options_.cache_slots() + chain.done;
  chain.done += size;
  return Outcome::kPlanned;
}

const PrefixCache::Part* Scheduler::plan_head(const PendingRequest& request, PlannedBatch& planned) {
  const PrefixCache::Part* preamble = plan_part(nullptr, request, request.head->preamble, planned);
  return preamble == nullptr ? nullptr : plan_part(preamble, request, request.head->query, planned);
}

const PrefixCache::Part* Scheduler::plan_part(const PrefixCache::Part* parent, const PendingRequest& request,
                                              std::span<const std::int32_t> ids, PlannedBatch& planned) {
  if (const PrefixCache::Part* part = cache_.find(parent, owner(request), ids)) {
    cache_.use(part, batch_);
    return part;
  }
  const PrefixCache::Part* part = cache_.insert(parent, owner(request), ids, batch_);
  if (part != nullptr) append_segment(parent, ids, planned.batch).slot = part->slot;
  return part;
}

// The batch's last segment ends the request's next document.
void Scheduler::score_last(const PendingRequestPtr& request, std::int32_t cached_tokens,
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
