#include "engine/replica_set.h"

#include <algorithm>
#include <iterator>
#include <numeric>
#include <span>
#include <utility>

namespace rerank {
namespace {

// Combines the results of the parts, all of them kOk.
Result put_together(std::vector<Result>& parts) {
  Result whole = std::move(parts.front());
  for (Result& part : std::span(parts).subspan(1)) {
    std::ranges::move(part.documents, std::back_inserter(whole.documents));
    whole.num_tokens += part.num_tokens;
    whole.num_cached_tokens += part.num_cached_tokens;
    whole.timings.queue = std::min(whole.timings.queue, part.timings.queue);
    whole.timings.tokenize += part.timings.tokenize;
    whole.timings.compute = std::max(whole.timings.compute, part.timings.compute);
    whole.timings.total = std::max(whole.timings.total, part.timings.total);
  }
  return whole;
}

}  // namespace

ReplicaSet::ReplicaSet(LoadedModel loaded)
    : encoder_(std::move(loaded.encoder)),
      info_(std::move(loaded.info)),
      outstanding_bytes_(loaded.replicas.size()) {
  for (LoadedReplica& replica : loaded.replicas) {
    loops_.push_back(std::make_unique<ScoringLoop>(encoder_, loaded.scheduler, std::move(replica)));
  }
}

ReplicaSet::~ReplicaSet() {
  // Stop all of them before destroying any: threads that are ending may look at the other loops.
  for (auto& loop : loops_) {
    // One of its threads may still return at any time.
    if (!loop->stop()) (void)loop.release();
  }
}

Engine::RequestId ReplicaSet::submit(Request request, Engine::Callback callback) {
  check_request(request, *encoder_);
  std::vector<RequestPart> parts = split_request(request, loops_.size(), info_.max_model_len);
  const auto failed = std::ranges::find_if(loops_, [](const auto& loop) { return !loop->healthy(); });
  // It reports why it failed, and no part goes elsewhere.
  if (failed != loops_.end()) parts = {{{0, request.documents.size()}, 0}};
  const auto running = std::make_shared<Running>();
  std::vector<std::size_t> replicas;
  {
    const std::lock_guard lock(mutex_);
    running->whole = std::make_shared<SubmittedRequest>(++last_id_, std::move(request));
    running->callback = std::move(callback);
    running->results.resize(parts.size());
    running->num_left = parts.size();
    running_[running->whole->id] = running;
    replicas = failed != loops_.end() ? std::vector{static_cast<std::size_t>(failed - loops_.begin())}
                                      : choose_replicas(parts);
    for (std::size_t p = 0; p < parts.size(); ++p) outstanding_bytes_[replicas[p]] += parts[p].cost_bytes;
  }
  // The last part may finish the whole request at once.
  const Engine::RequestId id = running->whole->id;
  for (std::size_t p = 0; p < parts.size(); ++p) {
    const std::size_t replica = replicas[p], cost_bytes = parts[p].cost_bytes;
    loops_[replica]->submit(std::make_shared<PendingRequest>(
        running->whole, parts[p].documents, [this, running, p, replica, cost_bytes](Result result) {
          {
            const std::lock_guard lock(mutex_);
            outstanding_bytes_[replica] -= cost_bytes;
          }
          finish_part(running, p, std::move(result));
        }));
  }
  return id;
}

std::vector<std::size_t> ReplicaSet::choose_replicas(const std::vector<RequestPart>& parts) const {
  std::vector<std::size_t> replicas(loops_.size());
  std::iota(replicas.begin(), replicas.end(), std::size_t{0});
  std::ranges::stable_sort(replicas, {}, [this](std::size_t replica) { return outstanding_bytes_[replica]; });
  replicas.resize(parts.size());
  return replicas;
}

void ReplicaSet::finish_part(const RunningPtr& running, std::size_t part, Result result) {
  bool ended = false;
  bool first_failure = false;
  {
    const std::lock_guard lock(mutex_);
    if (result.status != Status::kOk && running->failure.status == Status::kOk) {
      running->failure = Failure::of(result);
      first_failure = true;
    }
    running->results[part] = std::move(result);
    ended = --running->num_left == 0;
  }
  if (ended) return finish(*running);
  if (!first_failure) return;
  // The scores of the other parts are no longer needed.
  running->whole->cancelled = true;
  look_again();
}

void ReplicaSet::finish(Running& running) {
  Result result;
  if (running.failure.status == Status::kOk) {
    result = put_together(running.results);
  } else {
    running.failure.copy_to(result);
    result.timings = running.results.front().timings;
    result.timings.total = Clock::now() - running.whole->submitted;
  }
  {
    const std::lock_guard lock(mutex_);
    running_.erase(running.whole->id);
    ++statistics_.num_requests;
    statistics_.num_documents += static_cast<std::int64_t>(result.documents.size());
    statistics_.num_truncated += std::ranges::count_if(result.documents, &DocumentScore::truncated);
    statistics_.num_prompt_tokens += result.num_tokens;
    statistics_.num_cached_tokens += result.num_cached_tokens;
  }
  running.callback(std::move(result));
}

void ReplicaSet::look_again() {
  for (const auto& loop : loops_) loop->look_again();
}

void ReplicaSet::cancel(Engine::RequestId id) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = running_.find(id);
    if (found == running_.end()) return;
    found->second->whole->cancelled = true;
  }
  look_again();
}

bool ReplicaSet::healthy() const {
  return std::ranges::all_of(loops_, [](const auto& loop) { return loop->healthy(); });
}

EngineStatistics ReplicaSet::statistics() const {
  EngineStatistics statistics;
  {
    const std::lock_guard lock(mutex_);
    statistics = statistics_;
    statistics.num_running = static_cast<std::int64_t>(running_.size());
    statistics.num_waiting =
        std::ranges::count_if(running_, [](const auto& entry) { return !entry.second->whole->planned; });
  }
  for (const auto& loop : loops_) {
    const ReplicaStatistics own = loop->statistics();
    statistics.num_batches += own.num_batches;
    statistics.num_computed_tokens += own.num_computed_tokens;
    statistics.prefix_cache_tokens_used += own.prefix_cache_tokens_used;
    statistics.compute += own.compute;
  }
  return statistics;
}

}  // namespace rerank
