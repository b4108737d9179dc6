// Closed and open loops against a scripted target: independent of the speed of the machine.
#include "load/load_run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "load/arrivals.h"
#include "load/figures.h"
#include "rerank/error.h"

namespace rerank::load {
namespace {

using testing::ElementsAre;

constexpr std::chrono::seconds kLong{60};  // for events that must happen; never waited for in full

// Holds jobs until the test completes them.
class HeldTarget : public Target {
 public:
  struct Held {
    const Job* job;
    Done done;
    Clock::time_point sent;
  };

  void send(const Job& job, Done done) override {
    const std::lock_guard lock(mutex_);
    held_.push_back({&job, std::move(done), Clock::now()});
    num_seen_ += 1;
    changed_.notify_all();
  }
  void abort() override {
    Outcome outcome;
    outcome.failure = Failure::kAborted;
    for (const Held& held : take_all()) held.done(outcome);
  }

  // All held jobs once `count` have been sent since the start.
  std::vector<Held> take(std::int64_t count) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, kLong, [&] { return num_seen_ >= count; }));
    return std::exchange(held_, {});
  }
  std::vector<Held> take_all() { return take(0); }
  std::int64_t num_seen() const {
    const std::lock_guard lock(mutex_);
    return num_seen_;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Held> held_;
  std::int64_t num_seen_ = 0;
};

void answer(const HeldTarget::Held& held, std::int64_t num_tokens = 7,
            Clock::time_point done = Clock::now()) {
  Outcome outcome;
  outcome.status = 200;
  outcome.num_tokens = num_tokens;
  outcome.sent = held.sent;
  outcome.done = done;
  held.done(outcome);
}

void fail(const HeldTarget::Held& held, Failure failure, int status, const std::string& message) {
  Outcome outcome;
  outcome.failure = failure;
  outcome.status = status;
  outcome.message = message;
  outcome.sent = outcome.done = Clock::now();
  held.done(outcome);
}

std::vector<Job> jobs_of(std::size_t count) {
  std::vector<Job> jobs(count);
  for (std::size_t index = 0; index < count; ++index) {
    jobs[index].path = std::to_string(index);
    jobs[index].num_documents = 3;
  }
  return jobs;
}

RunRecord record_of(LoadRun& run) {
  EXPECT_TRUE(run.wait_for(kLong));
  return run.take_record();
}

TEST(ClosedLoop, KeepsExactlySoManyUnderWay) {
  HeldTarget target;
  const std::vector<Job> jobs = jobs_of(4);
  LoadRun run(target, jobs, {.concurrency = 3, .max_requests = 10});
  std::vector<HeldTarget::Held> held = target.take(3);
  ASSERT_EQ(held.size(), 3U);
  std::vector<std::string> order;
  for (std::int64_t num_answered = 1; num_answered <= 10; ++num_answered) {
    const HeldTarget::Held first = held.front();
    held.erase(held.begin());
    order.push_back(first.job->path);
    answer(first);
    // Completing one sends the next, on the same thread, until there are enough.
    const std::int64_t expected = std::min<std::int64_t>(10, 3 + num_answered);
    EXPECT_EQ(target.num_seen(), expected);
    for (const HeldTarget::Held& next : target.take(expected)) held.push_back(next);
    EXPECT_EQ(held.size(), static_cast<std::size_t>(expected - num_answered));
  }
  const RunRecord record = record_of(run);
  EXPECT_EQ(record.samples.size(), 10U);
  EXPECT_EQ(record.max_in_flight, 3);
  EXPECT_FALSE(record.interrupted);
  EXPECT_THAT(order, ElementsAre("0", "1", "2", "3", "0", "1", "2", "3", "0", "1"));
}

TEST(ClosedLoop, SendsNothingAfterItsTime) {
  HeldTarget target;
  const std::vector<Job> jobs = jobs_of(1);
  LoadRun run(target, jobs, {.concurrency = 1, .duration = std::chrono::milliseconds(20)});
  const auto held = target.take(1);
  std::this_thread::sleep_for(std::chrono::milliseconds(25));
  answer(held.front());
  const RunRecord record = record_of(run);
  EXPECT_EQ(record.samples.size(), 1U);
  EXPECT_GE(record.samples.front().latency_ns, 20'000'000);
  EXPECT_GE(record.wall, std::chrono::milliseconds(20));
}

TEST(ClosedLoop, CountsFailuresByKindAndKeepsThemOutOfTheLatencies) {
  HeldTarget target;
  const std::vector<Job> jobs = jobs_of(1);
  LoadRun run(target, jobs, {.concurrency = 5, .max_requests = 5});
  const auto held = target.take(5);
  fail(held[0], Failure::kStatus, 429, "the queue is full");
  fail(held[1], Failure::kStatus, 429, "still full");
  fail(held[2], Failure::kTimeout, 0, "no reply within 1 s");
  fail(held[3], Failure::kReply, 200, "too few");
  answer(held[4]);
  const RunRecord record = record_of(run);
  EXPECT_EQ(record.samples.size(), 1U);
  EXPECT_EQ(record.failures.size(), 3U);
  EXPECT_EQ(record.failures.at("HTTP 429").count, 2);
  EXPECT_EQ(record.failures.at("HTTP 429").message, "the queue is full");
  EXPECT_EQ(record.failures.at("timeout").count, 1);
  EXPECT_EQ(record.failures.at("wrong reply").count, 1);
  const Figures figures = figures_of(record, {});
  EXPECT_EQ(figures.num_completed, 1);
  EXPECT_EQ(figures.num_failed, 4);
  EXPECT_EQ(figures.num_documents, 3);
  EXPECT_EQ(figures.num_tokens, 7);
}

TEST(ClosedLoop, StopAbortsWhatIsUnderWay) {
  HeldTarget target;
  const std::vector<Job> jobs = jobs_of(1);
  LoadRun run(target, jobs, {.concurrency = 4, .max_requests = 100});
  std::vector<HeldTarget::Held> held = target.take(4);
  for (const HeldTarget::Held& one : held) answer(one);
  while (target.num_seen() < 8) std::this_thread::yield();
  run.stop();
  const RunRecord record = record_of(run);
  EXPECT_TRUE(record.interrupted);
  EXPECT_EQ(record.samples.size(), 4U);
  EXPECT_EQ(record.num_aborted, 4);
  EXPECT_TRUE(record.failures.empty());
}

// A server that stalls for a while: an open loop must count the time that every request lost, although most
// of them had to be sent late.
TEST(OpenLoop, CountsLatencyFromWhenARequestWasDue) {
  HeldTarget target;
  const std::vector<Job> jobs = jobs_of(1);
  const LoadPlan plan = {.concurrency = 1, .rate = 2000.0, .seed = 5, .max_requests = 40};
  LoadRun run(target, jobs, plan);
  std::vector<HeldTarget::Held> held = target.take(1);
  std::this_thread::sleep_for(std::chrono::milliseconds(40));  // the stall
  for (std::int64_t num_answered = 1; num_answered <= 40; ++num_answered) {
    ASSERT_EQ(held.size(), 1U);
    EXPECT_EQ(target.num_seen(), num_answered);
    answer(held.front());
    held = num_answered < 40 ? target.take(num_answered + 1) : std::vector<HeldTarget::Held>();
  }
  const RunRecord record = record_of(run);
  ASSERT_EQ(record.samples.size(), 40U);
  EXPECT_EQ(record.max_in_flight, 1);
  Arrivals arrivals(2000, 1, 5);
  std::vector<double> from_due;
  double sum_of_gaps_ms = 0;
  for (const Sample& sample : record.samples) {
    const auto due = arrivals.next();
    EXPECT_EQ(sample.start_ns, due.count());
    // It was sent only after the previous one had completed, which is nott lateness of the generator.
    EXPECT_GE(sample.start_ns + sample.latency_ns, 40'000'000);
    from_due.push_back(static_cast<double>(sample.latency_ns) / 1e6);
    sum_of_gaps_ms = static_cast<double>(due.count()) / 1e6;
  }
  // All were due within about 20 ms; each one that was due during the stall lost the rest of it.
  const double wait_of_first = from_due.front();
  EXPECT_GE(wait_of_first, 40 - 1000.0 * 10 / 2000);
  for (std::size_t index = 0; index < from_due.size(); ++index) {
    EXPECT_GE(from_due[index], 40 - sum_of_gaps_ms);
  }
}

TEST(OpenLoop, SendsWhateverIsUnderWay) {
  HeldTarget target;
  const std::vector<Job> jobs = jobs_of(1);
  LoadRun run(target, jobs, {.rate = 5000.0, .seed = 1, .max_requests = 30});
  const auto held = target.take(30);  // although none was completed
  ASSERT_EQ(held.size(), 30U);
  const Clock::time_point end = Clock::now();
  for (const HeldTarget::Held& one : held) answer(one, 7, end);
  const RunRecord record = record_of(run);
  EXPECT_EQ(record.max_in_flight, 30);
  Arrivals arrivals(5000, 1, 1);
  for (const Sample& sample : record.samples) {
    EXPECT_EQ(sample.start_ns, arrivals.next().count());
    EXPECT_EQ(sample.start_ns + sample.latency_ns,
              record.samples.front().start_ns + record.samples.front().latency_ns);
    EXPECT_GE(sample.lateness_ns, 0);
    EXPECT_LE(sample.lateness_ns, sample.latency_ns);
  }
}

TEST(OpenLoop, WithoutAnEndOfItsRateSendsAllAtOnce) {
  HeldTarget target;
  const std::vector<Job> jobs = jobs_of(1);
  LoadRun run(target, jobs, {.rate = std::numeric_limits<double>::infinity(), .max_requests = 12});
  const auto held = target.take(12);
  EXPECT_EQ(held.size(), 12U);
  for (const HeldTarget::Held& one : held) answer(one);
  for (const Sample& sample : record_of(run).samples) EXPECT_EQ(sample.start_ns, 0);
}

TEST(OpenLoop, StoppedEarlyEndsAlthoughRequestsAreStillDue) {
  HeldTarget target;
  const std::vector<Job> jobs = jobs_of(1);
  LoadRun run(target, jobs, {.concurrency = 2, .rate = 5000.0, .duration = std::chrono::hours(1)});
  while (target.num_seen() < 2) std::this_thread::yield();
  run.stop();
  EXPECT_EQ(record_of(run).samples.size(), 0U);
}

TEST(LoadRun, RefusesPlansWithoutSense) {
  HeldTarget target;
  const std::vector<Job> jobs = jobs_of(1);
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_THROW(LoadRun(target, {}, {.concurrency = 1, .max_requests = 1}), Error);
  EXPECT_THROW(LoadRun(target, jobs, {.max_requests = 1}), Error);
  EXPECT_THROW(LoadRun(target, jobs, {.concurrency = 1}), Error);
  EXPECT_THROW(LoadRun(target, jobs, {.rate = infinity, .duration = std::chrono::seconds(1)}), Error);
  EXPECT_THROW(LoadRun(target, jobs, {.rate = 0.0, .max_requests = 1}), Error);
  EXPECT_THROW(LoadRun(target, jobs, {.rate = 1.0, .burstiness = 0, .max_requests = 1}), Error);
  EXPECT_EQ(target.num_seen(), 0);
}

// The mean and the spread of gaps: both are 1 / rate for a Poisson process, and the spread falls with the
// root of the burstiness.
TEST(Arrivals, HaveTheRateAndTheSpreadThatWereAsked) {
  for (const double burstiness : {0.25, 1.0, 16.0}) {
    Arrivals arrivals(100, burstiness, 3);
    constexpr int kCount = 200'000;
    double last = 0;
    double sum = 0;
    double squares = 0;
    for (int index = 0; index < kCount; ++index) {
      const double due = std::chrono::duration<double>(arrivals.next()).count();
      ASSERT_GE(due, last);
      sum += due - last;
      squares += (due - last) * (due - last);
      last = due;
    }
    const double mean = sum / kCount;
    EXPECT_NEAR(mean, 0.01, 0.0002) << burstiness;
    EXPECT_NEAR(std::sqrt(squares / kCount - mean * mean), 0.01 / std::sqrt(burstiness), 0.0005)
        << burstiness;
  }
}

TEST(Arrivals, AreTheSameForTheSameSeed) {
  Arrivals first(100, 1, 7);
  Arrivals second(100, 1, 7);
  Arrivals other(100, 1, 8);
  bool differ = false;
  for (int index = 0; index < 10; ++index) {
    const auto due = first.next();
    EXPECT_EQ(due, second.next());
    differ = differ || due != other.next();
  }
  EXPECT_TRUE(differ);
}

}  // namespace
}  // namespace rerank::load
