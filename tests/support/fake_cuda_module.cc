// A module that exports what librerank_cuda.so does and needs no CUDA: for the tests of what opens it.
#include "backend/cuda_module.h"
#include "rerank/error.h"

#define RERANK_EXPORT extern "C" __attribute__((visibility("default")))

namespace rerank {

RERANK_EXPORT const char* rerank_cuda_module_version() {
  return RERANK_FAKE_VERSION;
}

RERANK_EXPORT void rerank_cuda_devices(CudaPresence& presence) {
  presence.devices.push_back({.name = "a GPU", .memory_bytes = 1 << 30, .instruction_set = "sm_1"});
}

RERANK_EXPORT void rerank_cuda_unsupported_key(const TransformerSpec& spec, std::string& key) {
  key = spec.qkv_bias ? "attention_bias" : "";
}

RERANK_EXPORT Backend* rerank_cuda_create(const BackendOptions& options) {
  throw Error(ErrorCode::kUnavailable, "rank 0 is GPU " + std::to_string(options.device_ordinals.at(0)));
}

}  // namespace rerank
