// The CUDA backend as the rest of the program sees it: a module (librerank_cuda.so) that is looked for and
// opened when a GPU is asked for, so that nothing of CUDA is linked here. What it computes stands in
// backend/cuda/.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "backend/backend.h"

namespace rerank {

// A GPU that CUDA shows this process.
struct CudaDevice {
  std::string name;
  std::int64_t memory_bytes = 0;
  std::string instruction_set;  // "sm_90"
  std::string why_not;  // what follows its name where the module has no code for it; empty: it will do
};

struct CudaPresence {
  std::vector<CudaDevice> devices;  // in CUDA's order, whether or not they are good enough
  std::string why_none;             // a sentence without its end, when there are no devices
  bool has_driver = false;
  std::string unsupported_key;  // of the model's config.json, which the kernels do not compute; empty: none
};

// Looks for the module, the driver and the GPUs. The module is $RERANK_CUDA_MODULE, or librerank_cuda.so
// beside the program or the library, or in lib/rerank of where they are installed. Asks the module for the
// model's unsupported key too where there is a model. Safe from any thread.
CudaPresence find_cuda(const TransformerSpec* model = nullptr);

// A backend on the GPUs of options.device_ordinals, one for each rank. Throws Error{kUnsupported} saying what
// is missing.
std::unique_ptr<Backend> create_cuda_backend(const BackendOptions& options);

// What the module exports, by the names of these types' functions in cuda/module.cc. Exceptions may cross.
inline constexpr const char* kCudaVersionFunction = "rerank_cuda_module_version";
inline constexpr const char* kCudaDevicesFunction = "rerank_cuda_devices";
inline constexpr const char* kCudaUnsupportedKeyFunction = "rerank_cuda_unsupported_key";
inline constexpr const char* kCudaCreateFunction = "rerank_cuda_create";
using CudaVersionFunction = const char*();                 // as rerank::version
using CudaDevicesFunction = void(CudaPresence& presence);  // fills devices or why_none
using CudaUnsupportedKeyFunction = void(const TransformerSpec& spec, std::string& key);
using CudaCreateFunction = Backend*(const BackendOptions& options);

}  // namespace rerank
