// Measures the device time of each kind of kernel in a forward pass with events between them, for benchmarks.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "backend/cuda/device.h"

namespace rerank::cuda {

class KernelClock {
 public:
  // Starts measuring.
  void start(cudaStream_t stream) {
    num_marks_ = 0;
    names_.clear();
    mark("", stream);
  }
  // Assigns the work added to the stream since the last mark to `name`, a literal.
  void mark(const char* name, cudaStream_t stream) {
    if (num_marks_ == events_.size()) events_.push_back(std::make_unique<Event>(cudaEventDefault));
    RERANK_CUDA_CHECK(cudaEventRecord(events_[num_marks_++]->get(), stream));
    names_.push_back(name);
  }
  // Milliseconds per name since start. Waits for the stream.
  std::map<std::string, float> milliseconds() const {
    std::map<std::string, float> sums;
    RERANK_CUDA_CHECK(cudaEventSynchronize(events_[num_marks_ - 1]->get()));
    for (std::size_t i = 1; i < num_marks_; ++i) {
      float taken = 0;
      RERANK_CUDA_CHECK(cudaEventElapsedTime(&taken, events_[i - 1]->get(), events_[i]->get()));
      sums[names_[i]] += taken;
    }
    return sums;
  }

 private:
  std::vector<std::unique_ptr<Event>> events_;  // reused
  std::vector<const char*> names_;
  std::size_t num_marks_ = 0;
};

}  // namespace rerank::cuda
