// The engine as the commands call it: every wait ends when the program is interrupted.
#pragma once

#include <future>
#include <memory>

#include "rerank/engine.h"

namespace rerank::cli {

// Loads the engine; Ctrl-C meanwhile ends the process at once. Throws Error.
std::unique_ptr<Engine> load_engine(const EngineOptions& options);

// Whether a device failed or hung while a request was waited for.
bool device_failed();

// A request on its way. The engine must outlive it.
class PendingRequest {
 public:
  PendingRequest(Engine& engine, Request request);
  // Cancels it, if it was not waited for.
  ~PendingRequest();
  PendingRequest(const PendingRequest&) = delete;
  PendingRequest& operator=(const PendingRequest&) = delete;

  // Whatever its status; call once. Throws Interrupted, after the request is cancelled.
  Result wait();

 private:
  Engine& engine_;
  std::future<Result> result_;
  Engine::RequestId id_;
};

// Throws Error for every status but kOk; `context` comes before its message.
void require_ok(const Result& result, const std::string& context = "");

}  // namespace rerank::cli
