#include "apps/rerank/commands/engine_calls.h"

#include <atomic>
#include <chrono>
#include <utility>

#include "apps/rerank/interruption.h"
#include "apps/rerank/output/error_text.h"
#include "rerank/error.h"

namespace rerank::cli {
namespace {

std::atomic<bool> has_device_failed{false};

ErrorCode code_of(Status status) {
  return status == Status::kInvalidArgument ? ErrorCode::kInvalidArgument : ErrorCode::kUnavailable;
}

class EngineScorer : public Scorer {
 public:
  explicit EngineScorer(const EngineOptions& options) : engine_(load_engine(options)) {}

  std::unique_ptr<PendingScores> submit(Request request) override {
    return std::make_unique<PendingRequest>(*engine_, std::move(request));
  }
  std::size_t max_pairs_in_flight() const override {
    constexpr std::size_t kBatchesInFlight = 4;
    return kBatchesInFlight * static_cast<std::size_t>(engine_->info().max_num_seqs);
  }
  std::string model() const override { return engine_->info().model; }
  bool counts_cached_tokens() const override { return true; }

 private:
  std::unique_ptr<Engine> engine_;
};

}  // namespace

std::unique_ptr<Scorer> engine_scorer(const EngineOptions& options) {
  return std::make_unique<EngineScorer>(options);
}

std::unique_ptr<Engine> load_engine(const EngineOptions& options) {
  const EndAtOnce guard;
  return std::make_unique<Engine>(options);
}

bool device_failed() {
  return has_device_failed;
}

PendingRequest::PendingRequest(Engine& engine, Request request) : engine_(engine) {
  // Shared with the callback, which may come after this object is gone.
  auto promise = std::make_shared<std::promise<Result>>();
  result_ = promise->get_future();
  id_ =
      engine.submit(std::move(request), [promise](Result result) { promise->set_value(std::move(result)); });
}

PendingRequest::~PendingRequest() {
  if (result_.valid()) engine_.cancel(id_);
}

Result PendingRequest::wait() {
  while (result_.wait_for(kSignalDelay) != std::future_status::ready) {
    if (interrupted()) {
      engine_.cancel(id_);
      result_.wait();
    }
  }
  Result result = result_.get();
  if (!engine_.healthy()) has_device_failed = true;
  if (result.status == Status::kCancelled) stop_if_interrupted();
  return result;
}

void require_ok(const Result& result, const std::string& context) {
  if (result.status == Status::kOk) return;
  const std::string text = text_of(result, !context.empty());
  throw Error(code_of(result.status), context.empty() ? text : context + ": " + text);
}

}  // namespace rerank::cli
