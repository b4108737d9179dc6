// One measurement: sends jobs to a target in a closed or open loop, and records the outcome of each.
// figures.h computes the metrics.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "load/target.h"

namespace rerank::load {

// Without a rate the loop is closed: `concurrency` requests are always in progress, and when one ends the
// next one starts. With a rate it is open: requests are due at random times; `concurrency` then limits how
// many are in progress, and the latency of those that must wait counts from when they were due.
struct LoadPlan {
  std::int64_t concurrency = 0;  // 0: no limit, in an open loop only
  std::optional<double> rate;    // requests per second; infinity: all are due at once
  double burstiness = 1;
  std::uint64_t seed = 0;
  std::int64_t max_requests = 0;         // 0: until `duration` is over
  std::chrono::nanoseconds duration{0};  // nothing is sent after it; 0: until max_requests
};

// A successful request.
struct Sample {
  std::int64_t start_ns = 0;     // when it was due, since the start of the run
  std::int64_t latency_ns = 0;   // from then to the last byte of its reply
  std::int64_t lateness_ns = 0;  // the part caused by the generator: it was due and could have been sent
  std::int64_t num_tokens = -1;  // negative: unknown
  std::int64_t num_documents = 0;
};

struct FailureTally {
  std::int64_t count = 0;
  std::string message;  // of the first one
};

struct RunRecord {
  std::vector<Sample> samples;                   // in order of completion
  std::map<std::string, FailureTally> failures;  // by failure_name()
  std::int64_t num_aborted = 0;  // in progress when the run was stopped: neither samples nor failures
  std::int64_t max_in_flight = 0;
  bool interrupted = false;
  std::chrono::nanoseconds wall{0};  // from the start to the completion of the last request
  std::chrono::nanoseconds cpu{0};   // CPU time of this process during the run
};

class LoadRun {
 public:
  struct Progress {
    std::int64_t num_done = 0;  // including failures
    std::int64_t num_failed = 0;
    double fraction = 0;  // of the plan
  };

  // Starts at once. The jobs are sent in order, and again from the first when all were sent. `target` and
  // `jobs` must outlive the run. Throws Error for an invalid plan.
  LoadRun(Target& target, std::span<const Job> jobs, const LoadPlan& plan);
  // Stops it.
  ~LoadRun();
  LoadRun(const LoadRun&) = delete;
  LoadRun& operator=(const LoadRun&) = delete;

  // Returns whether everything has completed.
  bool wait_for(std::chrono::milliseconds time);
  // Stops early: requests in progress are aborted. Returns at once; call it again until wait_for returns
  // true.
  void stop();
  Progress progress() const;
  // REQUIRES: wait_for has returned true.
  RunRecord take_record();

 private:
  // A request from when it is due.
  struct Ticket {
    const Job* job;
    Clock::time_point due;
    Clock::time_point ready;  // when it could also have been sent
  };

  // These REQUIRE the lock.
  bool may_send(Clock::time_point due) const;
  Ticket next_ticket(Clock::time_point due);
  void record(const Ticket& ticket, const Outcome& outcome);
  void end_if_done();

  void send(const Ticket& ticket);
  void start_closed_loop();
  void send_when_due();
  void on_done(const Ticket& ticket, const Outcome& outcome);

  Target& target_;
  const std::span<const Job> jobs_;
  const LoadPlan plan_;
  const Clock::time_point start_;
  const std::chrono::nanoseconds cpu_at_start_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  RunRecord record_;
  std::int64_t num_sent_ = 0;  // or in waiting_
  std::int64_t in_flight_ = 0;
  std::int64_t num_failed_ = 0;
  std::deque<Ticket> waiting_;  // for a free slot
  bool all_are_sent_ = false;
  bool stopping_ = false;
  bool done_ = false;
  std::thread pacer_;  // of an open loop
};

}  // namespace rerank::load
