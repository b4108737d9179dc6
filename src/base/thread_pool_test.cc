// The pool's promises: every index once, on a thread of its own number, whatever the counts, and exceptions.
#include "base/thread_pool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

#include "rerank/error.h"

namespace rerank {
namespace {

TEST(ThreadPool, EveryIndexOnce) {
  for (const int num_threads : {1, 2, 3, 7}) {
    ThreadPool pool(num_threads);
    EXPECT_EQ(pool.num_threads(), num_threads);
    for (const std::int64_t count : {0, 1, 2, 6, 7, 8, 1000}) {
      std::vector<std::atomic<int>> seen(static_cast<std::size_t>(count));
      std::atomic<bool> thread_in_range{true};
      pool.parallel_for(count, [&](std::int64_t index, int thread) {
        if (thread < 0 || thread >= num_threads) thread_in_range = false;
        ++seen[static_cast<std::size_t>(index)];
      });
      EXPECT_TRUE(thread_in_range);
      for (const std::atomic<int>& times : seen) ASSERT_EQ(times, 1);
    }
  }
}

TEST(ThreadPool, NoTwoIndicesOfOneThreadAtOnce) {
  ThreadPool pool(4);
  std::vector<std::atomic<int>> inside(4);
  std::atomic<bool> alone{true};
  pool.parallel_for(5000, [&](std::int64_t, int thread) {
    auto& mine = inside[static_cast<std::size_t>(thread)];
    if (++mine != 1) alone = false;
    --mine;
  });
  EXPECT_TRUE(alone);
}

// A loop sees what the loop before it wrote, and plain memory needs no lock of the caller's.
TEST(ThreadPool, LoopsFollowOneAnother) {
  ThreadPool pool(3);
  std::vector<std::int64_t> values(97);
  for (int round = 0; round < 500; ++round) {
    pool.parallel_for(97, [&](std::int64_t index, int) {
      values[static_cast<std::size_t>(96 - index)] = values[static_cast<std::size_t>(96 - index)] + index;
    });
  }
  for (std::int64_t i = 0; i < 97; ++i) ASSERT_EQ(values[static_cast<std::size_t>(96 - i)], 500 * i);
}

TEST(ThreadPool, RethrowsAndCanBeUsedAgain) {
  for (const int num_threads : {1, 3}) {
    ThreadPool pool(num_threads);
    for (int round = 0; round < 50; ++round) {
      std::atomic<int> calls{0};
      try {
        pool.parallel_for(100, [&](std::int64_t index, int) {
          ++calls;
          if (index % 10 == 3) throw std::runtime_error("index " + std::to_string(index));
        });
        FAIL() << "nothing was thrown";
      } catch (const std::runtime_error& error) {
        EXPECT_THAT(error.what(), testing::StartsWith("index "));
      }
      EXPECT_GE(calls, 1);
      EXPECT_LT(calls, 100);
      std::atomic<std::int64_t> sum{0};
      pool.parallel_for(100, [&](std::int64_t index, int) { sum += index; });
      EXPECT_EQ(sum, 4950);
    }
  }
}

TEST(ThreadPool, NeedsAThread) {
  EXPECT_THROW(ThreadPool(0), Error);
  EXPECT_THROW(ThreadPool(-1), Error);
  EXPECT_GE(ThreadPool::available_processors(), 1);
}

TEST(ThreadPool, EndsWithoutEverWorking) {
  for (int i = 0; i < 100; ++i) ThreadPool pool(4);
}

// As where a container's limit of processes is reached. Threads count for the user, so not for the superuser.
TEST(ThreadPool, SaysWhereThereAreNoMoreThreads) {
  const pid_t child = ::fork();
  if (child == 0) {
    constexpr rlimit kNone = {1, 1};
    if ((::geteuid() == 0 && ::setuid(65534) != 0) || ::setrlimit(RLIMIT_NPROC, &kNone) != 0) ::_exit(2);
    try {
      const ThreadPool pool(64);
      ::_exit(3);
    } catch (const Error& error) {
      ::_exit(std::string(error.what()).starts_with("this machine does not start 64 threads") ? 0 : 4);
    }
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace rerank
