// Which device and which of its GPUs serve what the options ask, what suits that device, and which options it
// has no use for.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "backend/cuda_module.h"

namespace rerank {

// What the option `device` may be, "auto" first.
std::vector<std::string> device_names();

struct DeviceChoice {
  std::string device;     // of device_names(), but never "auto"
  std::string reason;     // who or what chose it
  std::vector<int> gpus;  // ordinals of all replicas' GPUs, those of one replica together
  std::string gpu_names;
  bool is_surprise = false;  // not the GPU that seems to be there
};

// Throws Error{kUnsupported} about the option that this machine cannot serve, Error{kInvalidArgument} for
// what no machine could.
// Of `model` the sizes and keys count: what a GPU's kernels do not compute is left to the CPU, or refused by
// its key.
DeviceChoice choose_device(const BackendOptions& options, std::int32_t num_replicas,
                           const TransformerSpec* model = nullptr);
// The same on a machine with these GPUs, whose kernels compute all of the model but cuda.unsupported_key.
DeviceChoice choose_device(const BackendOptions& options, std::int32_t num_replicas,
                           const CudaPresence& cuda);

inline constexpr double kDefaultGpuMemoryUtilization = 0.9;

// What the scheduler takes unless it is told.
struct DeviceDefaults {
  std::int32_t max_num_batched_tokens;
  std::int32_t max_num_seqs;
  std::int32_t prefix_cache_tokens;
};

DeviceDefaults defaults_of(const std::string& device);

}  // namespace rerank
