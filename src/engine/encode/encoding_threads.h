// Threads that help to encode the texts of one request while the engine is otherwise idle.
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
  // With 0 threads it does nothing and costs nothing.
  explicit EncodingThreads(int num_threads);
  // Waits for the documents being encoded.
  ~EncodingThreads();
  EncodingThreads(const EncodingThreads&) = delete;
  EncodingThreads& operator=(const EncodingThreads&) = delete;

  bool empty() const { return threads_.empty(); }
  // The threads help with `work` when they are free. Earlier work may then get no more help.
  void help(std::shared_ptr<SharedEncoding> work);

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::uint64_t num_given_ = 0;
  std::shared_ptr<SharedEncoding> work_;  // null once it is found to be finished
  std::vector<std::thread> threads_;
};

}  // namespace rerank
