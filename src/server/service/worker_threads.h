// Threads that take work off the event loops: parsing and writing large JSON. Small work does not wait for
// large.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace rerank {

// Work of about a millisecond, and work that may take a hundred.
enum class WorkSize { kShort, kLong };

// Safe from any thread. Short work only ever waits for other short work: one thread takes nothing else.
class WorkerThreads {
 public:
  // `num_threads`: for work of any size. REQUIRES: num_threads >= 1.
  explicit WorkerThreads(int num_threads);
  // Finishes the posted work.
  ~WorkerThreads();
  WorkerThreads(const WorkerThreads&) = delete;
  WorkerThreads& operator=(const WorkerThreads&) = delete;

  // First in, first out per size. Exceptions of `work` are logged.
  void post(WorkSize size, std::function<void()> work);

 private:
  using Queue = std::deque<std::function<void()>>;

  void run(bool takes_long);
  Queue* next_queue(bool takes_long);

  std::mutex mutex_;
  std::condition_variable wake_;
  Queue short_work_;
  Queue long_work_;
  bool short_is_next_ = true;  // of the threads that take both: alternating
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace rerank
