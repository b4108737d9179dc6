#include "load/load_run.h"

#include <sys/prctl.h>
#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "load/arrivals.h"
#include "rerank/error.h"

namespace rerank::load {
namespace {

constexpr std::chrono::milliseconds kStopAgainAfter{50};

std::chrono::nanoseconds duration_of(const timeval& time) {
  return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
}

std::chrono::nanoseconds cpu_time() {
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  return duration_of(usage.ru_utime) + duration_of(usage.ru_stime);
}

LoadPlan checked(const LoadPlan& plan, std::span<const Job> jobs) {
  require(!jobs.empty(), "there are no requests to send");
  require(plan.concurrency >= 0, "the concurrency must not be negative");
  require(plan.rate.has_value() || plan.concurrency > 0,
          "without a request rate the concurrency must be at least 1");
  require(plan.max_requests > 0 || plan.duration.count() > 0, "set the number of requests or the duration");
  require(!plan.rate || !std::isinf(*plan.rate) || plan.max_requests > 0,
          "a request rate of inf sends all requests at once: set the number of requests");
  return plan;
}

}  // namespace

LoadRun::LoadRun(Target& target, std::span<const Job> jobs, const LoadPlan& plan)
    : target_(target),
      jobs_(jobs),
      plan_(checked(plan, jobs)),
      start_(Clock::now()),
      cpu_at_start_(cpu_time()) {
  if (plan_.rate) {
    // Created here for its checks: an exception must not leave a thread.
    Arrivals(*plan_.rate, plan_.burstiness, plan_.seed);
    pacer_ = std::thread([this] { send_when_due(); });
  } else {
    start_closed_loop();
  }
}

LoadRun::~LoadRun() {
  // A request that was being sent while stop() aborted the others is aborted by the next call.
  do {
    stop();
  } while (!wait_for(kStopAgainAfter));
  if (pacer_.joinable()) pacer_.join();
}

bool LoadRun::wait_for(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, time, [this] { return done_; });
}

void LoadRun::stop() {
  {
    const std::lock_guard lock(mutex_);
    if (done_) return;
    stopping_ = true;
    record_.interrupted = true;
    record_.num_aborted += static_cast<std::int64_t>(waiting_.size());
    waiting_.clear();
    if (!plan_.rate) all_are_sent_ = true;  // otherwise the pacer sets it
    changed_.notify_all();
    end_if_done();
  }
  target_.abort();
}

LoadRun::Progress LoadRun::progress() const {
  const std::lock_guard lock(mutex_);
  Progress progress;
  progress.num_done = static_cast<std::int64_t>(record_.samples.size()) + num_failed_;
  progress.num_failed = num_failed_;
  if (plan_.max_requests > 0) {
    progress.fraction = static_cast<double>(progress.num_done) / static_cast<double>(plan_.max_requests);
  }
  if (plan_.duration.count() > 0) {
    const double elapsed = std::chrono::duration<double>(Clock::now() - start_) / plan_.duration;
    progress.fraction = std::min(1.0, std::max(progress.fraction, elapsed));
  }
  return progress;
}

RunRecord LoadRun::take_record() {
  const std::lock_guard lock(mutex_);
  check(done_, "the run is still in progress");
  return std::move(record_);
}

bool LoadRun::may_send(Clock::time_point due) const {
  const bool enough = plan_.max_requests > 0 && num_sent_ >= plan_.max_requests;
  const bool too_late = plan_.duration.count() > 0 && due - start_ >= plan_.duration;
  return !stopping_ && !enough && !too_late;
}

LoadRun::Ticket LoadRun::next_ticket(Clock::time_point due) {
  const Job& job = jobs_[static_cast<std::size_t>(num_sent_) % jobs_.size()];
  ++num_sent_;
  return {&job, due, due};
}

void LoadRun::send(const Ticket& ticket) {
  target_.send(*ticket.job, [this, ticket](const Outcome& outcome) { on_done(ticket, outcome); });
}

void LoadRun::start_closed_loop() {
  std::vector<Ticket> first;
  {
    const std::lock_guard lock(mutex_);
    while (in_flight_ < plan_.concurrency && may_send(start_)) {
      first.push_back(next_ticket(start_));
      ++in_flight_;
    }
    record_.max_in_flight = in_flight_;
  }
  // Each is due when it is started here: connecting the others is not part of its latency.
  for (Ticket& ticket : first) {
    ticket.due = ticket.ready = Clock::now();
    send(ticket);
  }
}

void LoadRun::send_when_due() {
  prctl(PR_SET_TIMERSLACK, 1UL);  // nanoseconds; without it a sleep ends 50 us late
  Arrivals arrivals(*plan_.rate, plan_.burstiness, plan_.seed);
  std::unique_lock lock(mutex_);
  for (;;) {
    const Clock::time_point due = start_ + arrivals.next();
    if (!may_send(due)) break;
    if (due > Clock::now()) changed_.wait_until(lock, due, [this] { return stopping_; });
    if (stopping_) break;
    const Ticket ticket = next_ticket(due);
    if (plan_.concurrency > 0 && in_flight_ >= plan_.concurrency) {
      waiting_.push_back(ticket);
      continue;
    }
    record_.max_in_flight = std::max(record_.max_in_flight, ++in_flight_);
    lock.unlock();
    send(ticket);
    lock.lock();
  }
  all_are_sent_ = true;
  end_if_done();
}

void LoadRun::on_done(const Ticket& ticket, const Outcome& outcome) {
  Ticket next = {};
  {
    const std::lock_guard lock(mutex_);
    record(ticket, outcome);
    const Clock::time_point now = Clock::now();
    if (!waiting_.empty()) {
      next = waiting_.front();
      waiting_.pop_front();
      next.ready = now;
    } else if (!plan_.rate && may_send(now)) {
      next = next_ticket(now);
    } else {
      --in_flight_;
      all_are_sent_ = all_are_sent_ || !plan_.rate;
      end_if_done();
    }
  }
  if (next.job != nullptr) send(next);
}

void LoadRun::record(const Ticket& ticket, const Outcome& outcome) {
  if (outcome.failure == Failure::kAborted) {
    ++record_.num_aborted;
    return;
  }
  record_.wall = std::max<std::chrono::nanoseconds>(record_.wall, outcome.done - start_);
  if (outcome.failure != Failure::kNone) {
    FailureTally& tally = record_.failures[failure_name(outcome)];
    if (++tally.count == 1) tally.message = outcome.message;
    ++num_failed_;
    return;
  }
  const auto nanoseconds = [](Clock::duration time) { return static_cast<std::int64_t>(time.count()); };
  record_.samples.push_back(
      {.start_ns = nanoseconds(ticket.due - start_),
       .latency_ns = nanoseconds(outcome.done - ticket.due),
       .lateness_ns = std::max<std::int64_t>(0, nanoseconds(outcome.sent - ticket.ready)),
       .num_tokens = outcome.num_tokens,
       .num_documents = ticket.job->num_documents});
}

void LoadRun::end_if_done() {
  if (done_ || !all_are_sent_ || in_flight_ > 0 || !waiting_.empty()) return;
  done_ = true;
  record_.cpu = cpu_time() - cpu_at_start_;
  if (record_.interrupted) record_.wall = Clock::now() - start_;
  changed_.notify_all();
}

}  // namespace rerank::load
