#include "backend/cuda/kernel_sets.h"

#include <fmt/format.h>

#include "backend/cuda/hopper/hopper_kernels.h"
#include "rerank/error.h"

namespace rerank::cuda {
namespace {

constexpr std::int32_t kHopper = 90;

}  // namespace

std::string why_not(std::int32_t compute_capability) {
  if (compute_capability == kHopper) return "";
  return fmt::format("has compute capability {}.{}, and the CUDA module's kernels are for {}.{} (H100, H200)",
                     compute_capability / 10, compute_capability % 10, kHopper / 10, kHopper % 10);
}

std::string unsupported_key(const TransformerSpec& spec) {
  return hopper_unsupported_key(spec);
}

std::unique_ptr<KernelSet> make_kernel_set(std::int32_t compute_capability, const KernelSetOptions& options) {
  require(compute_capability == kHopper, "a GPU " + why_not(compute_capability), ErrorCode::kUnsupported);
  return std::make_unique<HopperKernels>(options);
}

}  // namespace rerank::cuda
