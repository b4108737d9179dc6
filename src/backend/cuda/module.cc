// The exports of librerank_cuda.so, see backend/cuda_module.h.
#include <cuda_runtime_api.h>
#include <fmt/format.h>

#include "backend/cuda/cuda_backend.h"
#include "backend/cuda/kernel_sets.h"
#include "backend/cuda_module.h"
#include "rerank/version.h"

#define RERANK_EXPORT extern "C" __attribute__((visibility("default")))

namespace rerank {
namespace {

std::string why_no_devices(cudaError_t status) {
  if (status == cudaErrorInsufficientDriver) {
    return fmt::format("the NVIDIA driver is missing or older than CUDA {}.{} needs", CUDART_VERSION / 1000,
                       CUDART_VERSION % 1000 / 10);
  }
  if (status == cudaSuccess || status == cudaErrorNoDevice)
    return "CUDA shows no GPU (see CUDA_VISIBLE_DEVICES)";
  return fmt::format("CUDA cannot be used: {}", cudaGetErrorString(status));
}

}  // namespace

RERANK_EXPORT const char* rerank_cuda_module_version() {
  return version();
}

RERANK_EXPORT void rerank_cuda_devices(CudaPresence& presence) {
  int count = 0;
  cudaError_t status = cudaGetDeviceCount(&count);
  for (int ordinal = 0; status == cudaSuccess && ordinal < count; ++ordinal) {
    cudaDeviceProp properties;
    status = cudaGetDeviceProperties(&properties, ordinal);
    if (status != cudaSuccess) break;
    presence.devices.push_back({.name = properties.name,
                                .memory_bytes = static_cast<std::int64_t>(properties.totalGlobalMem),
                                .instruction_set = fmt::format("sm_{}{}", properties.major, properties.minor),
                                .why_not = cuda::why_not(10 * properties.major + properties.minor)});
  }
  if (status != cudaSuccess) presence.devices.clear();
  if (presence.devices.empty()) presence.why_none = why_no_devices(status);
}

RERANK_EXPORT void rerank_cuda_unsupported_key(const TransformerSpec& spec, std::string& key) {
  key = cuda::unsupported_key(spec);
}

RERANK_EXPORT Backend* rerank_cuda_create(const BackendOptions& options) {
  return new cuda::CudaBackend(options);
}

}  // namespace rerank
