#include "load/engine_target.h"

#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

namespace rerank::load {
namespace {

Outcome outcome_of(const Result& result, const Job& job) {
  Outcome outcome;
  outcome.num_tokens = result.num_tokens;
  outcome.message = result.message;
  if (result.status == Status::kCancelled) {
    outcome.failure = Failure::kAborted;
  } else if (result.status == Status::kDeadlineExceeded) {
    outcome.failure = Failure::kTimeout;
  } else if (result.status != Status::kOk) {
    outcome.failure = Failure::kRefused;
  } else if (std::cmp_not_equal(result.documents.size(), job.num_documents)) {
    outcome.failure = Failure::kReply;
    outcome.message = "the engine returned too few scores";
  }
  return outcome;
}

}  // namespace

// A callback may come before submit has returned the id, so requests have tickets of their own.
class EngineTarget::Impl {
 public:
  explicit Impl(Engine& engine) : engine_(engine) {}

  void send(const Job& job, Done done) {
    std::uint64_t ticket = 0;
    {
      const std::lock_guard lock(mutex_);
      ticket = next_ticket_++;
      under_way_.emplace(ticket, kNotKnown);
    }
    const Clock::time_point sent = Clock::now();
    const auto on_result = [this, ticket, sent, &job, done = std::move(done)](const Result& result) {
      Outcome outcome = outcome_of(result, job);
      outcome.sent = sent;
      outcome.done = Clock::now();
      {
        const std::lock_guard lock(mutex_);
        under_way_.erase(ticket);
      }
      done(std::move(outcome));
    };
    const Engine::RequestId id = engine_.submit(job.request, on_result);
    const std::lock_guard lock(mutex_);
    if (const auto found = under_way_.find(ticket); found != under_way_.end()) found->second = id;
  }

  void abort() {
    std::vector<Engine::RequestId> ids;
    {
      const std::lock_guard lock(mutex_);
      for (const auto& [ticket, id] : under_way_) {
        if (id != kNotKnown) ids.push_back(id);
      }
    }
    for (const Engine::RequestId id : ids) engine_.cancel(id);
  }

 private:
  static constexpr Engine::RequestId kNotKnown = ~Engine::RequestId{0};

  Engine& engine_;
  std::mutex mutex_;
  std::uint64_t next_ticket_ = 0;
  std::unordered_map<std::uint64_t, Engine::RequestId> under_way_;
};

EngineTarget::EngineTarget(Engine& engine) : impl_(std::make_unique<Impl>(engine)) {}

EngineTarget::~EngineTarget() = default;

void EngineTarget::send(const Job& job, Done done) {
  impl_->send(job, std::move(done));
}

void EngineTarget::abort() {
  impl_->abort();
}

}  // namespace rerank::load
