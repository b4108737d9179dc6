// Sums over the shards of a model, by NCCL, which is opened when it is first needed.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "backend/cuda/device.h"
#include "backend/cuda/kernels.h"

namespace rerank::cuda {

// One process, several devices. One thread at a time.
class Collective {
 public:
  // Throws Error{kUnsupported} when there is no NCCL to open.
  explicit Collective(const std::vector<int>& devices);
  ~Collective();
  Collective(const Collective&) = delete;
  Collective& operator=(const Collective&) = delete;

  struct Part {
    DeviceBFloat16* values;  // [size], of the device at this place
    cudaStream_t stream;
  };
  // Adds up the parts; each then holds the sum.
  void sum(std::span<const Part> parts, std::int64_t size);

 private:
  class Library;
  std::unique_ptr<Library> library_;
  std::vector<void*> communicators_;  // [devices]
};

}  // namespace rerank::cuda
