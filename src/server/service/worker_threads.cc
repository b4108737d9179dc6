#include "server/service/worker_threads.h"

#include <exception>
#include <utility>

#include "base/log.h"

namespace rerank {

WorkerThreads::WorkerThreads(int num_threads) {
  threads_.emplace_back([this] { run(false); });
  for (int index = 0; index < num_threads; ++index) threads_.emplace_back([this] { run(true); });
}

WorkerThreads::~WorkerThreads() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void WorkerThreads::post(WorkSize size, std::function<void()> work) {
  {
    const std::lock_guard lock(mutex_);
    (size == WorkSize::kShort ? short_work_ : long_work_).push_back(std::move(work));
  }
  // Not a single thread: it could be the one that takes no long work.
  wake_.notify_all();
}

// Null: no work.
WorkerThreads::Queue* WorkerThreads::next_queue(bool takes_long) {
  const bool has_long = takes_long && !long_work_.empty();
  if (short_work_.empty()) return has_long ? &long_work_ : nullptr;
  if (!has_long) return &short_work_;
  short_is_next_ = !short_is_next_;
  return short_is_next_ ? &long_work_ : &short_work_;
}

void WorkerThreads::run(bool takes_long) {
  std::unique_lock lock(mutex_);
  for (;;) {
    Queue* queue = nullptr;
    wake_.wait(lock, [&] {
      queue = next_queue(takes_long);
      return queue != nullptr || stopping_;
    });
    if (queue == nullptr) return;
    std::function<void()> work = std::move(queue->front());
    queue->pop_front();
    lock.unlock();
    try {
      work();
    } catch (const std::exception& error) {
      log::error("a request was dropped: {}", error.what());
    }
    work = {};  // and what it owns
    lock.lock();
  }
}

}  // namespace rerank
