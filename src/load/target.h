// The seam between the load and what bears it: a server over HTTP or the engine in process.
#pragma once

#include <functional>

#include "load/job.h"

namespace rerank::load {

// All members are safe from any thread.
class Target {
 public:
  // Called once for each job, on a thread of the target: return quickly, do not throw. It may send the next.
  using Done = std::function<void(Outcome)>;

  virtual ~Target() = default;
  // Starts a job and returns. REQUIRES: `job` lives until `done` is called.
  virtual void send(const Job& job, Done done) = 0;
  // What is under way ends with Failure::kAborted, unless it is done first.
  virtual void abort() = 0;
};

// Sends one job and waits.
Outcome send_and_wait(Target& target, const Job& job);

}  // namespace rerank::load
