// Who scores: an engine in this process, or a server. Commands that can have either know only this.
#pragma once

#include <memory>
#include <string>

#include "rerank/engine.h"
#include "rerank/types.h"

namespace rerank::cli {

// A request on its way. Dropped, it is cancelled.
class PendingScores {
 public:
  PendingScores() = default;
  virtual ~PendingScores() = default;
  PendingScores(const PendingScores&) = delete;
  PendingScores& operator=(const PendingScores&) = delete;

  // Whatever its status; call once. Throws Interrupted, after the request is cancelled; Error.
  virtual Result wait() = 0;
};

// For one thread. Outlives what it was asked.
class Judge {
 public:
  Judge() = default;
  virtual ~Judge() = default;
  Judge(const Judge&) = delete;
  Judge& operator=(const Judge&) = delete;

  virtual std::unique_ptr<PendingScores> submit(Request request) = 0;
  // As many pairs on their way keep it busy.
  virtual std::size_t max_pairs_in_flight() const = 0;
  // For outputs; of a server known once it has answered.
  virtual std::string model() const = 0;
  // Whether results tell how many tokens were cached.
  virtual bool counts_cached_tokens() const = 0;
};

// Loads the engine. Throws Error.
std::unique_ptr<Judge> engine_judge(const EngineOptions& options);

}  // namespace rerank::cli
