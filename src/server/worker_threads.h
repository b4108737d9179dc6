// A few threads that take work off the event loops: reading and writing what is large.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace rerank {

// Safe from any thread.
class WorkerThreads {
 public:
  // REQUIRES: num_threads >= 1.
  explicit WorkerThreads(int num_threads);
  // Finishes what was posted.
  ~WorkerThreads();
  WorkerThreads(const WorkerThreads&) = delete;
  WorkerThreads& operator=(const WorkerThreads&) = delete;

  // `work` must not throw. The first posted is the first begun.
  void post(std::function<void()> work);

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> work_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace rerank
