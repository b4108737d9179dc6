// Creates backends by device name.
#include <algorithm>

#include "backend/backend.h"
#include "backend/cpu/cpu_backend.h"
#include "backend/cuda_module.h"
#include "backend/device_choice.h"
#include "backend/reference/reference_backend.h"

namespace rerank {
namespace {

// The options with the device resolved, for one replica.
BackendOptions settle(const BackendOptions& options, DeviceChoice& choice) {
  choice = choose_device(options, 1);
  BackendOptions settled = options;
  settled.device = choice.device;
  settled.tensor_parallel_size = std::max(1, options.tensor_parallel_size);
  if (settled.gpu_memory_utilization == 0) settled.gpu_memory_utilization = kDefaultGpuMemoryUtilization;
  if (settled.device_ordinals.empty()) settled.device_ordinals = choice.gpus;
  return settled;
}

}  // namespace

BackendInfo preview_backend(const BackendOptions& options, DataType checkpoint) {
  DeviceChoice choice;
  const BackendOptions settled = settle(options, choice);
  BackendInfo info;
  if (choice.device == "cuda") {
    info = {.device = "cuda", .dtype = "bfloat16", .quantization = options.quantization};
  } else if (choice.device == "reference") {
    info = reference::create_reference_backend(settled)->info();
  } else {
    const cpu::KernelChoice kernels = cpu::choose_kernels(settled, checkpoint);
    info = {.device = "cpu",
            .dtype = cpu::to_string(kernels.kernels->arithmetic.rows),
            .quantization = options.quantization,
            .instruction_set = kernels.kernels->instruction_set,
            .dtype_reason = kernels.reason};
  }
  info.device_name = choice.gpu_names;
  info.device_reason = choice.reason;
  return info;
}

std::unique_ptr<Backend> create_backend(const BackendOptions& options) {
  DeviceChoice choice;
  const BackendOptions settled = settle(options, choice);
  if (choice.device == "cuda") return create_cuda_backend(settled);
  if (choice.device == "reference") return reference::create_reference_backend(settled);
  return std::make_unique<cpu::CpuBackend>(settled);
}

}  // namespace rerank
