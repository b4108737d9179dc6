// Device names to backends.
#include <fmt/format.h>

#include "backend/backend.h"
#include "backend/cpu/cpu_backend.h"
#include "backend/reference/reference_backend.h"
#include "rerank/error.h"

namespace rerank {
namespace {

bool is_cpu(const BackendOptions& options) {
  if (options.device == "auto" || options.device == "cpu") return true;
  if (options.device == "reference") return false;
  throw Error(ErrorCode::kUnsupported,
              fmt::format("--device {}: this build knows auto, cpu and reference", options.device));
}

}  // namespace

BackendInfo preview_backend(const BackendOptions& options, DataType checkpoint) {
  if (!is_cpu(options)) return reference::create_reference_backend(options)->info();
  const cpu::KernelChoice choice = cpu::choose_kernels(options, checkpoint);
  return {.device = "cpu",
          .dtype = choice.kernels->bfloat16 ? "bfloat16" : "float32",
          .instruction_set = choice.kernels->instruction_set,
          .dtype_reason = choice.reason};
}

std::unique_ptr<Backend> create_backend(const BackendOptions& options) {
  if (is_cpu(options)) return std::make_unique<cpu::CpuBackend>(options);
  return reference::create_reference_backend(options);
}

}  // namespace rerank
