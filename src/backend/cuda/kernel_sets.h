// The kernel sets in this module: the GPUs they are for and what they support, which can be queried before
// anything is uploaded.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>
#include <memory>
#include <string>

#include "backend/cuda/kernel_set.h"

namespace rerank::cuda {

// 90 for compute capability 9.0.
inline std::int32_t compute_capability(const cudaDeviceProp& device) {
  return 10 * device.major + device.minor;
}

// Why a GPU of this compute capability is not supported, to follow its name; empty: it is supported.
std::string why_not(std::int32_t compute_capability);

// The first key of config.json, with its value, that no kernel set supports, such as "head_dim 48"; empty:
// all are supported. It does not check whether the model can be sharded.
std::string unsupported_key(const TransformerSpec& spec);

// REQUIRES: why_not() is empty.
std::unique_ptr<KernelSet> make_kernel_set(std::int32_t compute_capability, const KernelSetOptions& options);

}  // namespace rerank::cuda
