#include "rerank/engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <cstdlib>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "backend/backend.h"
#include "base/log.h"
#include "checkpoint/checkpoint.h"
#include "engine/loading.h"
#include "engine/pending_request.h"
#include "engine/scheduler.h"
#include "model/model.h"

namespace rerank {

// Two threads: one encodes and plans the next batch while the other computes.
class __attribute__((visibility("hidden"))) Engine::Impl {
 public:
  explicit Impl(const EngineOptions& options)
      : loaded_(load_model(options)),
        scheduler_(loaded_.scheduler, *loaded_.encoder, [this](const PendingRequestPtr& r) { release(r); }),
        planner_([this] { plan(); }),
        worker_([this] { work(); }) {}

  ~Impl() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    planner_.join();
    worker_.join();
  }

  RequestId submit(Request request, Callback callback) {
    check_limits(request, loaded_.info.max_model_len);
    PendingRequestPtr pending;
    {
      const std::lock_guard lock(mutex_);
      pending = std::make_shared<PendingRequest>(++last_id_, std::move(request), std::move(callback));
      running_[pending->id] = pending;
      inbox_.push_back(pending);
      work_waits_ = true;
    }
    wake_.notify_all();
    return pending->id;
  }

  void cancel(RequestId id) {
    {
      const std::lock_guard lock(mutex_);
      const auto found = running_.find(id);
      if (found == running_.end()) return;
      found->second->cancelled = true;
      work_waits_ = true;
    }
    wake_.notify_all();
  }

  const LoadedModel& loaded() const { return loaded_; }

  bool healthy() const {
    const std::lock_guard lock(mutex_);
    return failure_.empty();
  }

  EngineStatistics statistics() const {
    const std::lock_guard lock(mutex_);
    EngineStatistics statistics = statistics_;
    statistics.num_running = static_cast<std::int64_t>(running_.size());
    return statistics;
  }

 private:
  // The planner's thread: adds to the open batch for as long as the worker is busy with another.
  void plan() {
    std::unique_lock lock(mutex_);
    for (;;) {
      wake_.wait(lock, [this] { return stopping_ || work_waits_; });
      if (stopping_) break;
      work_waits_ = false;
      planning_ = true;
      std::vector<PendingRequestPtr> arrived = std::exchange(inbox_, {});
      const std::string failure = failure_;
      if (std::exchange(batch_taken_, false)) scheduler_.close_batch();
      lock.unlock();
      for (PendingRequestPtr& request : arrived) scheduler_.add(std::move(request));
      if (failure.empty()) {
        scheduler_.fill(open_);
      } else {
        scheduler_.drop_all(Status::kUnavailable, failure);
      }
      lock.lock();
      planning_ = false;
      wake_.notify_all();
    }
    std::vector<PendingRequestPtr> arrived = std::exchange(inbox_, {});
    lock.unlock();
    for (PendingRequestPtr& request : arrived) scheduler_.add(std::move(request));
    scheduler_.drop_all(Status::kCancelled, "the engine is shutting down");
  }

  void work() {
    PlannedBatch batch;
    std::unique_lock lock(mutex_);
    for (;;) {
      wake_.wait(lock, [this] { return stopping_ || (!planning_ && !open_.empty()); });
      if (stopping_) break;
      std::swap(batch, open_);
      open_.clear();
      batch_taken_ = true;
      work_waits_ = true;
      lock.unlock();
      wake_.notify_all();
      compute(batch);
      lock.lock();
    }
    // The planner adds no more; what it had planned is not computed.
    std::swap(batch, open_);
    lock.unlock();
    finish(batch, Status::kCancelled, "the engine is shutting down");
  }

  void compute(PlannedBatch& batch) {
    const Clock::time_point begin = Clock::now();
    logits_.resize(2 * batch.scored.size());
    try {
      loaded_.backend->begin(batch.batch);
      loaded_.model->forward(*loaded_.backend);
      loaded_.backend->finish(logits_);
    } catch (const std::exception& error) {
      log::error("the backend failed: {}", error.what());
      {
        const std::lock_guard lock(mutex_);
        if (failure_.empty()) failure_ = fmt::format("the backend failed: {}", error.what());
        work_waits_ = true;
      }
      return finish(batch, Status::kUnavailable, fmt::format("the backend failed: {}", error.what()));
    }
    const std::chrono::nanoseconds taken = Clock::now() - begin;
    {
      const std::lock_guard lock(mutex_);
      ++statistics_.num_batches;
      statistics_.num_computed_tokens += batch.batch.num_tokens();
      statistics_.compute += taken;
    }
    const PendingRequest* last = nullptr;
    for (std::size_t i = 0; i < batch.scored.size(); ++i) {
      PendingRequest& request = *batch.scored[i].request;
      DocumentScore& result = request.scores[batch.scored[i].document];
      result.logit_no = logits_[2 * i];
      result.logit_yes = logits_[2 * i + 1];
      result.score = rerank::score(result.logit_no, result.logit_yes);
      if (&request != last) request.compute += taken;
      last = &request;
    }
    finish(batch, Status::kOk, "");
  }

  void finish(PlannedBatch& batch, Status status, const std::string& message) {
    for (const PlannedBatch::Scored& scored : batch.scored) {
      if (status != Status::kOk) scored.request->fail(status, message);
      release(scored.request);
    }
    batch.clear();
  }

  void release(const PendingRequestPtr& request) {
    if (--request->holds > 0) return;
    Result result = request->take_result();
    {
      const std::lock_guard lock(mutex_);
      running_.erase(request->id);
      ++statistics_.num_requests;
      statistics_.num_documents += static_cast<std::int64_t>(result.documents.size());
      statistics_.num_truncated += std::ranges::count_if(result.documents, &DocumentScore::truncated);
      statistics_.num_prompt_tokens += result.num_tokens;
      statistics_.num_cached_tokens += result.num_cached_tokens;
    }
    request->callback(std::move(result));
  }

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
  std::map<RequestId, PendingRequestPtr> running_;
  RequestId last_id_ = 0;
  std::string failure_;
  EngineStatistics statistics_;

  std::thread planner_;
  std::thread worker_;
};

Engine::Engine(const EngineOptions& options) : impl_(std::make_unique<Impl>(options)) {}

Engine::~Engine() = default;

Engine::RequestId Engine::submit(Request request, Callback callback) {
  return impl_->submit(std::move(request), std::move(callback));
}

std::future<Result> Engine::submit(Request request) {
  auto promise = std::make_shared<std::promise<Result>>();
  std::future<Result> future = promise->get_future();
  impl_->submit(std::move(request), [promise](Result result) { promise->set_value(std::move(result)); });
  return future;
}

void Engine::cancel(RequestId id) {
  impl_->cancel(id);
}

Result Engine::score(Request request) {
  Result result = submit(std::move(request)).get();
  if (result.status == Status::kOk) return result;
  throw Error(
      result.status == Status::kInvalidArgument ? ErrorCode::kInvalidArgument : ErrorCode::kUnavailable,
      result.message);
}

std::vector<std::int32_t> Engine::tokenize(const std::string& text) const {
  return impl_->loaded().encoder->encode_text(text);
}

const EngineInfo& Engine::info() const {
  return impl_->loaded().info;
}

EngineStatistics Engine::statistics() const {
  return impl_->statistics();
}

bool Engine::healthy() const {
  return impl_->healthy();
}

}  // namespace rerank
