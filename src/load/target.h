// The interface of what is measured: a server over HTTP or the engine in this process.
#pragma once

#include <functional>

#include "load/job.h"

namespace rerank::load {

// All members are safe from any thread.
class Target {
 public:
  // Called once for each job, on a thread of the target: it must return quickly and not throw. It may send
  // the next job.
  using Done = std::function<void(Outcome)>;

  virtual ~Target() = default;
  // Starts a job and returns. REQUIRES: `job` lives until `done` is called.
  virtual void send(const Job& job, Done done) = 0;
  // Requests in progress end with Failure::kAborted unless they complete first.
  virtual void abort() = 0;
};

// Sends one job and waits.
Outcome send_and_wait(Target& target, const Job& job);

}  // namespace rerank::load
