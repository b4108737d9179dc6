// The CUDA backend as seen by the rest of the program: a module (librerank_cuda.so) that is loaded only when
// a GPU is requested, so that CUDA is not linked here. The implementation is in backend/cuda/.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "backend/backend.h"

namespace rerank {

// A GPU visible to this process.
struct CudaDevice {
  std::string name;
  std::int64_t memory_bytes = 0;
  std::string instruction_set;  // "sm_90"
  std::string why_not;          // why the module does not support it, to follow its name; empty: it does
};

struct CudaPresence {
  std::vector<CudaDevice> devices;  // in CUDA's order, including unsupported ones
  std::string why_none;             // a sentence without a period, if there are no devices
  bool has_driver = false;
  std::string unsupported_key;  // the key of config.json that the kernels do not support; empty: none
};

// Looks for the module, the driver and the GPUs. The module is $RERANK_CUDA_MODULE, or librerank_cuda.so next
// to the program or the library, or in lib/rerank of their installation. If `model` is given, also asks the
// module for the key that it does not support. Safe from any thread.
CudaPresence find_cuda(const TransformerSpec* model = nullptr);

// Creates a backend on the GPUs options.device_ordinals, one for each rank. Throws Error{kUnsupported} saying
// what is missing.
std::unique_ptr<Backend> create_cuda_backend(const BackendOptions& options);

// The functions that the module exports, defined in cuda/module.cc. They may throw.
inline constexpr const char* kCudaVersionFunction = "rerank_cuda_module_version";
inline constexpr const char* kCudaDevicesFunction = "rerank_cuda_devices";
inline constexpr const char* kCudaUnsupportedKeyFunction = "rerank_cuda_unsupported_key";
inline constexpr const char* kCudaCreateFunction = "rerank_cuda_create";
using CudaVersionFunction = const char*();                 // as rerank::version
using CudaDevicesFunction = void(CudaPresence& presence);  // fills devices or why_none
using CudaUnsupportedKeyFunction = void(const TransformerSpec& spec, std::string& key);
using CudaCreateFunction = Backend*(const BackendOptions& options);

}  // namespace rerank
