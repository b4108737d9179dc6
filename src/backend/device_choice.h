// Selects the device and the GPUs for the options, and the defaults that suit it, and rejects options that do
// not apply to it.
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
  bool is_surprise = false;  // a GPU seems to be present but is not used
};

// Throws Error{kUnsupported} about an option that this machine cannot satisfy, Error{kInvalidArgument} about
// one that no machine can. If the GPU kernels do not support a key of `model`, the CPU is used, or the error
// names the key.
DeviceChoice choose_device(const BackendOptions& options, std::int32_t num_replicas,
                           const TransformerSpec* model = nullptr);
// The same on a machine with these GPUs, whose kernels support the model except for cuda.unsupported_key.
DeviceChoice choose_device(const BackendOptions& options, std::int32_t num_replicas,
                           const CudaPresence& cuda);

inline constexpr double kDefaultGpuMemoryUtilization = 0.9;

// The scheduler's defaults.
struct DeviceDefaults {
  std::int32_t max_num_batched_tokens;
  std::int32_t max_num_seqs;
  std::int32_t prefix_cache_tokens;
};

DeviceDefaults defaults_of(const std::string& device);

}  // namespace rerank
