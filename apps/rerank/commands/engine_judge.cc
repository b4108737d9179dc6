// The judge in this process.
#include <utility>

#include "apps/rerank/commands/engine_calls.h"
#include "apps/rerank/commands/judge.h"

namespace rerank::cli {
namespace {

constexpr std::size_t kBatchesInFlight = 4;

class EngineScores : public PendingScores {
 public:
  EngineScores(Engine& engine, Request request) : request_(engine, std::move(request)) {}
  Result wait() override { return request_.wait(); }

 private:
  PendingRequest request_;
};

class EngineJudge : public Judge {
 public:
  explicit EngineJudge(const EngineOptions& options) : engine_(load_engine(options)) {}
  std::unique_ptr<PendingScores> submit(Request request) override {
    return std::make_unique<EngineScores>(*engine_, std::move(request));
  }
  std::size_t max_pairs_in_flight() const override {
    return kBatchesInFlight * static_cast<std::size_t>(engine_->info().max_num_seqs);
  }
  std::string model() const override { return engine_->info().model; }
  bool counts_cached_tokens() const override { return true; }

 private:
  std::unique_ptr<Engine> engine_;
};

}  // namespace

std::unique_ptr<Judge> engine_judge(const EngineOptions& options) {
  return std::make_unique<EngineJudge>(options);
}

}  // namespace rerank::cli
