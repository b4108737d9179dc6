// The ranks of a model on several devices, connected by NCCL, which is loaded on first use. For three ranks
// or more NCCL only moves values and never adds them: its order of additions depends on their position.
#pragma once

#include <cstdint>
#include <future>
#include <memory>
#include <thread>
#include <vector>

#include "backend/cuda/collective/rank_sum.h"
#include "backend/cuda/device.h"
#include "backend/cuda/rows/kernels.h"

namespace rerank::cuda {

// One process, several devices. Not safe from several threads at once. Operations are added to the ranks'
// streams.
class Collective final : public RankGroup {
 public:
  struct Rank {
    int device;
    DeviceBFloat16* buffer;
    cudaStream_t stream;
  };

  // Throws Error{kUnsupported} if NCCL cannot be loaded.
  explicit Collective(std::vector<Rank> ranks);
  ~Collective() override;
  Collective(const Collective&) = delete;
  Collective& operator=(const Collective&) = delete;

  void add_both(std::int64_t count) override;
  void exchange(std::int64_t run, std::int64_t to) override;
  void add(std::int64_t run, std::int64_t parts) override;
  void gather(std::int64_t run) override;

  // Throws Error{kUnavailable} describing any failure of the devices.
  void check_devices() const;
  // Starts to abort operations that wait for a device that will not answer. Nothing else may be called
  // afterwards; the destructor waits for the abort, but not forever.
  void abort();

 private:
  class Library;
  std::shared_ptr<Library> library_;
  std::vector<Rank> ranks_;
  std::vector<void*> communicators_;  // [ranks]; empty after abort
  std::thread aborting_;
  std::future<void> aborted_;
};

}  // namespace rerank::cuda
