#include "base/thread_pool.h"

#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <cmath>
#include <system_error>
#include <utility>

#include "base/processor_quota.h"
#include "rerank/error.h"

namespace rerank {
namespace {

// Between the steps of a forward a worker is needed again within microseconds; sleeping and waking costs
// more.
constexpr int kSpins = 4000;

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

}  // namespace

ThreadPool::ThreadPool(int num_threads) {
  require(num_threads >= 1, "the number of threads must be at least 1");
  try {
    for (int thread = 1; thread < num_threads; ++thread) {
      threads_.emplace_back([this, thread] { worker(thread); });
    }
  } catch (const std::system_error& error) {
    stop();
    throw Error(ErrorCode::kUnavailable,
                fmt::format("this machine does not start {} threads for this program: {}", num_threads,
                            error.code().message()));
  }
}

ThreadPool::~ThreadPool() {
  stop();
}

void ThreadPool::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    ++epoch_;
  }
  start_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void ThreadPool::run(std::int64_t count, Function function, const void* context) {
  if (count <= 0) return;
  {
    const std::lock_guard lock(mutex_);
    function_ = function;
    context_ = context;
    count_ = count;
    error_ = nullptr;
    next_ = 0;
    running_ = static_cast<int>(threads_.size());
    ++epoch_;
  }
  if (!threads_.empty()) start_.notify_all();
  work(0);
  for (int spin = 0; spin < kSpins && running_.load(std::memory_order_acquire) > 0; ++spin) pause();
  std::unique_lock lock(mutex_);
  done_.wait(lock, [this] { return running_.load(std::memory_order_acquire) == 0; });
  if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
}

void ThreadPool::worker(int thread) {
  std::uint64_t seen = 0;
  for (;;) {
    for (int spin = 0; spin < kSpins && epoch_.load(std::memory_order_acquire) == seen; ++spin) pause();
    if (epoch_.load(std::memory_order_acquire) == seen) {
      std::unique_lock lock(mutex_);
      start_.wait(lock, [&] { return epoch_.load(std::memory_order_acquire) != seen; });
    }
    // No loop can start before this one is counted out, so the epoch moved by exactly one.
    ++seen;
    if (stopping_) return;
    work(thread);
    if (running_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      const std::lock_guard lock(mutex_);
      done_.notify_one();
    }
  }
}

void ThreadPool::work(int thread) {
  try {
    for (;;) {
      const std::int64_t index = next_.fetch_add(1, std::memory_order_relaxed);
      if (index >= count_) return;
      function_(context_, index, thread);
    }
  } catch (...) {
    const std::lock_guard lock(mutex_);
    if (!error_) error_ = std::current_exception();
    next_ = count_;
  }
}

int ThreadPool::available_processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof(set), &set) != 0) return 1;
  const int processors = std::max(1, CPU_COUNT(&set));
  // More threads than the quota has processors would be stopped together, in the midst of what others wait
  // for.
  const double quota = processor_quota();
  return quota > 0 ? std::clamp(static_cast<int>(std::ceil(quota)), 1, processors) : processors;
}

}  // namespace rerank
