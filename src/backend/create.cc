// Device names to backends.
#include <fmt/format.h>

#include "backend/backend.h"
#include "backend/cpu/cpu_backend.h"
#include "backend/reference/reference_backend.h"
#include "rerank/error.h"

namespace rerank {

std::unique_ptr<Backend> create_backend(const BackendOptions& options) {
  if (options.device == "auto" || options.device == "cpu") return std::make_unique<cpu::CpuBackend>(options);
  if (options.device == "reference") return reference::create_reference_backend(options);
  throw Error(ErrorCode::kUnsupported,
              fmt::format("--device {}: this build knows auto, cpu and reference", options.device));
}

}  // namespace rerank
