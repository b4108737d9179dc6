// One measurement: sends jobs to a target by a plan, in a closed loop or an open one, and keeps what became
// of each. What the figures are is for figures.h.
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

// Without a rate the loop is closed: `concurrency` requests are always under way, and the end of one starts
// the next. With a rate it is open: requests are due at random times, ready or not; `concurrency` then bounds
// how many are under way, and those that wait for their turn are timed from when they were due.
struct LoadPlan {
  std::int64_t concurrency = 0;  // 0: no bound, in an open loop only
  std::optional<double> rate;    // requests a second; infinity: all are due at once
  double burstiness = 1;
  std::uint64_t seed = 0;
  std::int64_t max_requests = 0;         // 0: until the time is over
  std::chrono::nanoseconds duration{0};  // nothing is sent after it; 0: until there are enough
};

// A request that was answered as it should.
struct Sample {
  std::int64_t start_ns = 0;     // when it was due, since the start of the run
  std::int64_t latency_ns = 0;   // from then to the last byte of its reply
  std::int64_t lateness_ns = 0;  // of that, the generator's own: it was due, and could have been sent
  std::int64_t num_tokens = -1;  // negative: the target does not say
  std::int64_t num_documents = 0;
};

struct FailureTally {
  std::int64_t count = 0;
  std::string message;  // of the first
};

struct RunRecord {
  std::vector<Sample> samples;                   // in the order of their ends
  std::map<std::string, FailureTally> failures;  // by failure_name()
  std::int64_t num_aborted = 0;  // under way when it was stopped: neither samples nor failures
  std::int64_t max_in_flight = 0;
  bool interrupted = false;
  std::chrono::nanoseconds wall{0};  // from the start to the last end of a request
  std::chrono::nanoseconds cpu{0};   // of this process meanwhile
};

class LoadRun {
 public:
  struct Progress {
    std::int64_t num_done = 0;  // failures too
    std::int64_t num_failed = 0;
    double fraction = 0;  // of the plan
  };

  // Begins at once. The jobs are sent in turn, again from the first when they are used up. `target` and
  // `jobs` outlive the run. Throws Error for a plan that makes no sense.
  LoadRun(Target& target, std::span<const Job> jobs, const LoadPlan& plan);
  // Stops it.
  ~LoadRun();
  LoadRun(const LoadRun&) = delete;
  LoadRun& operator=(const LoadRun&) = delete;

  // True once all is done.
  bool wait_for(std::chrono::milliseconds time);
  // Ends it early: what is under way is aborted. Returns at once; call it again until wait_for says true.
  void stop();
  Progress progress() const;
  // REQUIRES: wait_for has returned true.
  RunRecord take_record();

 private:
  // A request from when it is due.
  struct Ticket {
    const Job* job;
    Clock::time_point due;
    Clock::time_point ready;  // when its turn had come as well
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
  std::int64_t num_sent_ = 0;  // or waiting for their turn
  std::int64_t in_flight_ = 0;
  std::int64_t num_failed_ = 0;
  std::deque<Ticket> waiting_;  // for their turn
  bool all_are_sent_ = false;
  bool stopping_ = false;
  bool done_ = false;
  std::thread pacer_;  // of an open loop
};

}  // namespace rerank::load
