// A few threads that take work off the event loops: reading and writing what is large, so that a small piece
// of it does not wait for a giant one.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace rerank {

// Work of about a millisecond, and what may take a hundred.
enum class WorkSize { kShort, kLong };

// Safe from any thread. Short work never waits for more than other short work: one thread does nothing else.
class WorkerThreads {
 public:
  // `num_threads` for work of any size. REQUIRES: num_threads >= 1.
  explicit WorkerThreads(int num_threads);
  // Finishes what was posted.
  ~WorkerThreads();
  WorkerThreads(const WorkerThreads&) = delete;
  WorkerThreads& operator=(const WorkerThreads&) = delete;

  // Of one size, the first posted is the first begun. What `work` throws is logged.
  void post(WorkSize size, std::function<void()> work);

 private:
  using Queue = std::deque<std::function<void()>>;

  void run(bool takes_long);
  Queue* next_queue(bool takes_long);

  std::mutex mutex_;
  std::condition_variable wake_;
  Queue short_work_;
  Queue long_work_;
  bool short_is_next_ = true;  // of those who take both: each in turn
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace rerank
