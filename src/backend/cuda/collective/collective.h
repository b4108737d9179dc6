// The ranks of a model that several devices share, and NCCL between them, which is opened when it is first
// needed. Of three ranks and more NCCL moves numbers and adds up none: its order would depend on their place.
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

// One process, several devices. One thread at a time. What is asked for is added to the ranks' streams.
class Collective final : public RankGroup {
 public:
  struct Rank {
    int device;
    DeviceBFloat16* buffer;
    cudaStream_t stream;
  };

  // Throws Error{kUnsupported} when there is no NCCL to open.
  explicit Collective(std::vector<Rank> ranks);
  ~Collective() override;
  Collective(const Collective&) = delete;
  Collective& operator=(const Collective&) = delete;

  void add_both(std::int64_t count) override;
  void exchange(std::int64_t run, std::int64_t to) override;
  void add(std::int64_t run, std::int64_t parts) override;
  void gather(std::int64_t run) override;

  // Throws Error{kUnavailable} with what went wrong on the devices since, if something did.
  void check_devices() const;
  // Begins to end whatever waits on a device for another one that will not answer. Nothing else may be called
  // after; the destructor waits for the end, but not for ever.
  void abort();

 private:
  class Library;
  std::shared_ptr<Library> library_;
  std::vector<Rank> ranks_;
  std::vector<void*> communicators_;  // [ranks]; none after abort
  std::thread aborting_;
  std::future<void> aborted_;
};

}  // namespace rerank::cuda
