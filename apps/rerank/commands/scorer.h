// What scores for the commands: an engine in this process, or a server. Commands that can use either know
// only this.
#pragma once

#include <memory>
#include <string>

#include "rerank/engine.h"
#include "rerank/types.h"

namespace rerank::cli {

// A request in progress; destroying it cancels the request.
class PendingScores {
 public:
  PendingScores() = default;
  virtual ~PendingScores() = default;
  PendingScores(const PendingScores&) = delete;
  PendingScores& operator=(const PendingScores&) = delete;

  // Returns the result, whatever its status; call once. Throws Interrupted, after cancelling the request;
  // Error.
  virtual Result wait() = 0;
};

// For one thread. Must outlive its requests.
class Scorer {
 public:
  Scorer() = default;
  virtual ~Scorer() = default;
  Scorer(const Scorer&) = delete;
  Scorer& operator=(const Scorer&) = delete;

  virtual std::unique_ptr<PendingScores> submit(Request request) = 0;
  // How many pairs in progress keep it busy.
  virtual std::size_t max_pairs_in_flight() const = 0;
  // For outputs; a server's is known once it has answered.
  virtual std::string model() const = 0;
  // Whether results say how many tokens were cached.
  virtual bool counts_cached_tokens() const = 0;
};

// Loads the engine. Throws Error.
std::unique_ptr<Scorer> engine_scorer(const EngineOptions& options);

}  // namespace rerank::cli
