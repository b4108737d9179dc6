#include "engine/encode/encoding_threads.h"

#include <utility>

namespace rerank {

EncodingThreads::EncodingThreads(int num_threads) {
  for (int thread = 0; thread < num_threads; ++thread) threads_.emplace_back([this] { run(); });
}

EncodingThreads::~EncodingThreads() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void EncodingThreads::help(std::shared_ptr<SharedEncoding> work) {
  {
    const std::lock_guard lock(mutex_);
    work_ = std::move(work);
    ++num_given_;
  }
  wake_.notify_all();
}

void EncodingThreads::run() {
  std::uint64_t seen = 0;
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [&] { return stopping_ || (work_ != nullptr && num_given_ != seen); });
    if (stopping_) return;
    seen = num_given_;
    std::shared_ptr<SharedEncoding> work = work_;
    lock.unlock();
    work->help();
    lock.lock();
    if (work_ == work) work_.reset();
    // The last reference frees the request's texts, which should not happen under the lock.
    lock.unlock();
    work.reset();
    lock.lock();
  }
}

}  // namespace rerank
