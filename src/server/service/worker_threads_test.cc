#include "server/service/worker_threads.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <stdexcept>

#include "tests/support/long_enough.h"

namespace rerank {
namespace {

TEST(WorkerThreads, ShortWorkDoesNotWaitForLong) {
  std::promise<void> end;
  std::shared_future<void> until = end.get_future().share();
  std::promise<void> done;
  WorkerThreads workers(1);
  workers.post(WorkSize::kLong, [until] { until.wait(); });
  workers.post(WorkSize::kLong, [until] { until.wait(); });
  workers.post(WorkSize::kShort, [&done] { done.set_value(); });
  EXPECT_EQ(done.get_future().wait_for(kLongEnough), std::future_status::ready);
  end.set_value();
}

TEST(WorkerThreads, LongWorkIsDoneBesideAnEndlessRowOfShort) {
  std::atomic<bool> is_over{false};
  std::function<void()> again;
  std::promise<void> done;
  WorkerThreads workers(1);
  again = [&] {
    if (!is_over) workers.post(WorkSize::kShort, again);
  };
  for (int i = 0; i < 4; ++i) workers.post(WorkSize::kShort, again);
  workers.post(WorkSize::kLong, [&done] { done.set_value(); });
  EXPECT_EQ(done.get_future().wait_for(kLongEnough), std::future_status::ready);
  is_over = true;
}

TEST(WorkerThreads, OutliveWhatTheirWorkThrows) {
  std::array<std::promise<void>, 2> done;
  WorkerThreads workers(1);
  for (const WorkSize size : {WorkSize::kShort, WorkSize::kLong}) {
    for (int i = 0; i < 3; ++i) workers.post(size, [] { throw std::runtime_error("thrown on purpose"); });
    std::promise<void>& end = done[size == WorkSize::kShort ? 0 : 1];
    workers.post(size, [&end] { end.set_value(); });
    EXPECT_EQ(end.get_future().wait_for(kLongEnough), std::future_status::ready);
  }
}

}  // namespace
}  // namespace rerank
