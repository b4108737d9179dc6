// The kernel sets that this module has: which GPUs they are for and what they compute, asked before anything
// is uploaded.
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

// Why a GPU of this compute capability will not do, as what follows its name; empty: it will.
std::string why_not(std::int32_t compute_capability);

// The first key of config.json with what is not computed of it by any set, such as "head_dim 48"; empty: all
// is. What depends on how a model is sharded is not among them.
std::string unsupported_key(const TransformerSpec& spec);

// REQUIRES: why_not() is empty.
std::unique_ptr<KernelSet> make_kernel_set(std::int32_t compute_capability, const KernelSetOptions& options);

}  // namespace rerank::cuda
