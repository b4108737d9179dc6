// A fixed set of threads that share out the indices of one loop at a time.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <type_traits>
#include <vector>

namespace rerank {

// The calling thread works too, so a pool of one has no threads of its own. Not reentrant: one parallel_for
// at a time, from one thread at a time. Nothing is allocated by parallel_for.
class ThreadPool {
 public:
  // REQUIRES: num_threads >= 1.
  // Throws Error{kUnavailable} when the system gives no more threads.
  explicit ThreadPool(int num_threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int num_threads() const { return static_cast<int>(threads_.size()) + 1; }

  // Calls body(index, thread) for every index in [0, count), in any order and on any thread of [0,
  // num_threads), and returns when all are done. The first exception thrown by a body is rethrown here, after
  // the loop.
  template <typename Body>
  void parallel_for(std::int64_t count, const Body& body) {
    run(
        count,
        [](const void* context, std::int64_t index, int thread) {
          (*static_cast<const Body*>(context))(index, thread);
        },
        &body);
  }

  // The number of processors this process may use: those it may run on, or the fewer that its quota pays for.
  static int available_processors();

 private:
  using Function = void (*)(const void* context, std::int64_t index, int thread);

  void run(std::int64_t count, Function function, const void* context);
  void stop();
  void worker(int thread);
  void work(int thread);

  std::vector<std::thread> threads_;
  std::mutex mutex_;
  std::condition_variable start_;
  std::condition_variable done_;
  // One loop, written by run() before epoch_ moves on.
  Function function_ = nullptr;
  const void* context_ = nullptr;
  std::int64_t count_ = 0;
  std::atomic<std::int64_t> next_{0};
  std::atomic<std::uint64_t> epoch_{0};
  std::atomic<int> running_{0};
  std::atomic<bool> stopping_{false};
  std::exception_ptr error_;
};

}  // namespace rerank
