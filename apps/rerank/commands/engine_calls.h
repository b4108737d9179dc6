// The engine as the commands call it: an interrupt ends every wait.
#pragma once

#include <future>
#include <memory>

#include "apps/rerank/commands/scorer.h"
#include "rerank/engine.h"

namespace rerank::cli {

// Loads the engine; Ctrl-C meanwhile ends the process at once. Throws Error.
std::unique_ptr<Engine> load_engine(const EngineOptions& options);

// Whether a device failed or hung during a request.
bool device_failed();

// The engine must outlive it.
class PendingRequest : public PendingScores {
 public:
  PendingRequest(Engine& engine, Request request);
  ~PendingRequest() override;

  Result wait() override;

 private:
  Engine& engine_;
  std::future<Result> result_;
  Engine::RequestId id_;
};

// Throws Error for every status but kOk; `context` comes before its message.
void require_ok(const Result& result, const std::string& context = "");

}  // namespace rerank::cli
