#include "engine/scoring_loop.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "prompt/score_function.h"

namespace rerank {
namespace {

// How long the worker lets the planner finish a batch before it waits for the running forward pass. Planning
// takes a millisecond or two, but much longer for texts of megabytes.
constexpr std::chrono::milliseconds kPlanningPatience{5};
// How long the planner waits for the worker to take a batch when it has more to plan.
constexpr std::chrono::microseconds kHandOver{200};
// How long stop waits for a device that was given up to return the worker's thread.
constexpr std::chrono::milliseconds kGivingUp{2000};

}  // namespace

ScoringLoop::ScoringLoop(std::shared_ptr<const RequestEncoder> encoder, const SchedulerOptions& options,
                         LoadedReplica replica)
    : encoder_(std::move(encoder)),
      replica_(std::move(replica)),
      options_(options),
      helpers_(replica_.num_encoding_threads),
      scheduler_(options, *encoder_, [this](const PendingRequestPtr& r) { release(r); }),
      planner_([this] { plan(); }),
      worker_([this] { work(); }) {}

ScoringLoop::~ScoringLoop() {
  check(stop(), "a replica whose device hangs was destroyed");
}

bool ScoringLoop::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (planner_.joinable()) planner_.join();
  {
    std::unique_lock lock(mutex_);
    const auto has_ended = [this] { return worker_ended_; };
    while (const auto limit = silent_until()) {
      if (wake_.wait_until(lock, *limit, has_ended)) break;
      // The backend may give up as well, a moment later, and can then be shut down normally.
      if (given_up_) {
        if (!wake_.wait_for(lock, std::min(kGivingUp, replica_.device_timeout), has_ended)) return false;
        break;
      }
      if (is_silent_for_too_long()) give_up(lock);
    }
  }
  if (worker_.joinable()) worker_.join();
  return true;
}

std::optional<Clock::time_point> ScoringLoop::silent_until() const {
  if (!busy_since_ || replica_.device_timeout.count() == 0) return std::nullopt;
  return *busy_since_ + replica_.device_timeout;
}

bool ScoringLoop::is_silent_for_too_long() const {
  const auto limit = silent_until();
  return limit && *limit <= Clock::now();
}

void ScoringLoop::wait_for_work(std::unique_lock<std::mutex>& lock) {
  const auto is_wanted = [this] { return stopping_ || work_waits_; };
  while (!is_wanted()) {
    const auto limit = given_up_ ? std::nullopt : silent_until();
    if (!limit) {
      wake_.wait(lock);
    } else if (!wake_.wait_until(lock, *limit, is_wanted) && is_silent_for_too_long()) {
      give_up(lock);
    }
  }
}

void ScoringLoop::give_up(std::unique_lock<std::mutex>& lock) {
  const std::string message = fmt::format("the device has not given back a batch for {} s: it hangs",
                                          std::chrono::duration<double>(replica_.device_timeout).count());
  if (failure_.empty()) failure_ = message;
  given_up_ = true;
  work_waits_ = true;
  std::vector<PlannedBatch::Scored> unfinished = std::exchange(open_.scored, {});
  open_.clear();
  // The device may still be reading the batches themselves.
  for (const Forward& forward : begun_) {
    unfinished.insert(unfinished.end(), forward.batch.scored.begin(), forward.batch.scored.end());
  }
  lock.unlock();
  log::error("{}", message);
  for (const PlannedBatch::Scored& scored : unfinished) {
    scored.request->fail(Status::kUnavailable, message);
    release(scored.request);
  }
  lock.lock();
}

bool ScoringLoop::is_idle() const {
  const std::lock_guard lock(mutex_);
  return !computing_ && !planning_ && open_.empty() && inbox_.empty();
}

void ScoringLoop::submit(PendingRequestPtr request) {
  std::shared_ptr<SharedEncoding> shared;
  if (!helpers_.empty() && is_idle()) {
    if (const auto first = worth_sharing(request->request, request->documents,
                                         options_.max_num_batched_tokens, options_.max_num_seqs)) {
      shared = std::make_shared<SharedEncoding>(request->whole, *encoder_, *first);
      request->shared = shared;
    }
  }
  {
    const std::lock_guard lock(mutex_);
    inbox_.push_back(std::move(request));
    work_waits_ = true;
  }
  wake_.notify_all();
  if (shared != nullptr) helpers_.help(std::move(shared));
}

void ScoringLoop::look_again() {
  {
    const std::lock_guard lock(mutex_);
    work_waits_ = true;
  }
  wake_.notify_all();
}

bool ScoringLoop::healthy() const {
  const std::lock_guard lock(mutex_);
  return failure_.empty();
}

ReplicaStatistics ScoringLoop::statistics() const {
  const std::lock_guard lock(mutex_);
  return statistics_;
}

void ScoringLoop::plan() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wait_for_work(lock);
    if (stopping_) break;
    work_waits_ = false;
    planning_ = true;
    std::vector<PendingRequestPtr> arrived = std::exchange(inbox_, {});
    const std::string failure = failure_;
    if (std::exchange(batch_taken_, false)) scheduler_.close_batch();
    lock.unlock();
    for (const PendingRequestPtr& request : arrived) scheduler_.add(request);
    arrived.clear();
    bool is_done = true;
    if (failure.empty()) {
      is_done = scheduler_.fill(open_);
    } else {
      scheduler_.drop_all(Status::kUnavailable, failure);
    }
    lock.lock();
    open_is_full_ = scheduler_.is_full();
    statistics_.prefix_cache_tokens_used = scheduler_.prefix_cache_tokens();
    planning_ = false;
    wake_.notify_all();
    if (is_done) continue;
    work_waits_ = true;
    // An idle worker gets what is planned before more is added.
    if (computing_ && !open_is_full_) continue;
    wake_.wait_for(lock, kHandOver, [this] { return stopping_ || batch_taken_ || open_.empty(); });
  }
  std::vector<PendingRequestPtr> arrived = std::exchange(inbox_, {});
  lock.unlock();
  for (const PendingRequestPtr& request : arrived) scheduler_.add(request);
  scheduler_.drop_all(Status::kCancelled, "the engine is shutting down");
}

// If another forward pass can be started, an open batch is started early only if it is full: a smaller one
// can still grow while the device is busy.
bool ScoringLoop::may_begin() const {
  const auto most = static_cast<std::size_t>(replica_.backend->max_in_flight());
  return !planning_ && !open_.empty() && begun_.size() < most && (begun_.empty() || open_is_full_);
}

void ScoringLoop::work() {
  const auto most = static_cast<std::size_t>(replica_.backend->max_in_flight());
  std::unique_lock lock(mutex_);
  for (;;) {
    if (begun_.empty()) {
      wake_.wait(lock, [this] { return stopping_ || may_begin(); });
    } else if (begun_.size() < most) {
      wake_.wait_for(lock, kPlanningPatience, [this] { return stopping_ || !planning_; });
    }
    if (stopping_) break;
    if (may_begin()) {
      PlannedBatch batch = std::exchange(open_, {});
      computing_ = true;
      if (failure_.empty() && !busy_since_) busy_since_ = Clock::now();
      batch_taken_ = true;
      work_waits_ = true;
      const std::string failure = failure_;
      lock.unlock();
      wake_.notify_all();
      if (failure.empty()) {
        begin(std::move(batch));
      } else {
        // It was planned before the failure, possibly on keys that the failed batch never wrote.
        finish(batch, Status::kUnavailable, failure);
      }
    } else {
      lock.unlock();
      complete_oldest();
    }
    lock.lock();
  }
  // The planner may still be adding, for the last time; what it planned is not computed.
  wake_.wait(lock, [this] { return !planning_; });
  PlannedBatch batch = std::exchange(open_, {});
  lock.unlock();
  while (!begun_.empty()) complete_oldest();
  finish(batch, Status::kCancelled, "the engine is shutting down");
  lock.lock();
  worker_ended_ = true;
  wake_.notify_all();
}

void ScoringLoop::begin(PlannedBatch batch) {
  {
    const std::lock_guard lock(mutex_);
    begun_.push_back({std::move(batch), Clock::now()});
  }
  try {
    replica_.backend->begin(begun_.back().batch.batch);
    replica_.model->forward(*replica_.backend);
  } catch (const std::exception& error) {
    fail_all_begun(error.what());
  }
}

void ScoringLoop::complete_oldest() {
  logits_.resize(2 * begun_.front().batch.scored.size());
  try {
    replica_.backend->finish(logits_);
  } catch (const std::exception& error) {
    return fail_all_begun(error.what());
  }
  std::unique_lock lock(mutex_);
  if (given_up_) return begun_.clear();
  Forward forward = std::move(begun_.front());
  begun_.pop_front();
  const Clock::time_point now = Clock::now();
  busy_since_ = begun_.empty() ? std::nullopt : std::optional(now);
  lock.unlock();
  hand_out(forward.batch, now - std::max(forward.begun, std::exchange(last_completed_, now)));
}

void ScoringLoop::fail_all_begun(const std::string& failure) {
  log::error("the backend failed: {}", failure);
  const std::string message = fmt::format("the backend failed: {}", failure);
  std::deque<Forward> failed;
  {
    const std::lock_guard lock(mutex_);
    if (failure_.empty()) failure_ = message;
    work_waits_ = true;
    busy_since_.reset();
    if (!given_up_) failed = std::move(begun_);
    begun_.clear();
  }
  wake_.notify_all();
  for (Forward& forward : failed) finish(forward.batch, Status::kUnavailable, message);
}

void ScoringLoop::hand_out(PlannedBatch& batch, std::chrono::nanoseconds taken) {
  std::int64_t batch_number = 0;
  {
    const std::lock_guard lock(mutex_);
    // Before the callbacks, which may submit the next request.
    computing_ = !begun_.empty();
    batch_number = ++statistics_.num_batches;
    statistics_.num_computed_tokens += batch.batch.num_tokens();
    statistics_.compute += taken;
  }
  for (std::size_t i = 0; i < batch.scored.size(); ++i) {
    PendingRequest& request = *batch.scored[i].request;
    DocumentScore& result = request.score_of(batch.scored[i].document);
    result.logit_no = logits_[2 * i];
    result.logit_yes = logits_[2 * i + 1];
    result.score = replica_.score(result.logit_difference());
    if (std::exchange(request.last_batch, batch_number) != batch_number) request.compute += taken;
  }
  finish(batch, Status::kOk, "");
}

void ScoringLoop::finish(PlannedBatch& batch, Status status, const std::string& message) {
  for (const PlannedBatch::Scored& scored : batch.scored) {
    if (status != Status::kOk) scored.request->fail(status, message);
    release(scored.request);
  }
  batch.clear();
}

void ScoringLoop::release(const PendingRequestPtr& request) {
  if (--request->holds == 0) request->callback(request->take_result());
}

}  // namespace rerank
