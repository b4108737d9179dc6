// Threads that help one request's texts to be encoded sooner, while nothing else is to be done.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "engine/encode/shared_encoding.h"

namespace rerank {

// Safe from any thread.
class EncodingThreads {
 public:
  // 0 threads are no help, and cost nothing.
  explicit EncodingThreads(int num_threads);
  // Waits for the documents being encoded.
  ~EncodingThreads();
  EncodingThreads(const EncodingThreads&) = delete;
  EncodingThreads& operator=(const EncodingThreads&) = delete;

  bool empty() const { return threads_.empty(); }
  // They turn to `work` as they find time; work given before that may stay without help.
  void help(std::shared_ptr<SharedEncoding> work);

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::uint64_t num_given_ = 0;
  std::shared_ptr<SharedEncoding> work_;  // empty once somebody found nothing left of it
  std::vector<std::thread> threads_;
};

}  // namespace rerank
