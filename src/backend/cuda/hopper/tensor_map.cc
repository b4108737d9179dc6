#include "backend/cuda/hopper/tensor_map.h"

#include <cuda_runtime_api.h>

#include <array>

#include "backend/cuda/device.h"
#include "rerank/error.h"

namespace rerank::cuda {
namespace {

using Encode = decltype(&cuTensorMapEncodeTiled);

// Found through the runtime: the driver library is not linked.
Encode find_encode() {
  void* function = nullptr;
  cudaDriverEntryPointQueryResult found{};
  RERANK_CUDA_CHECK(cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &function, 12000,
                                                     cudaEnableDefault, &found));
  require(found == cudaDriverEntryPointSuccess,
          "the NVIDIA driver has no cuTensorMapEncodeTiled: it is too old", ErrorCode::kUnsupported);
  return reinterpret_cast<Encode>(function);
}

}  // namespace

CUtensorMap tensor_map(CUtensorMapDataType type, const void* data, std::size_t rank, const cuuint64_t* sizes,
                       const cuuint64_t* strides, const cuuint32_t* box) {
  static const Encode function = find_encode();
  const std::array<cuuint32_t, 5> steps = {1, 1, 1, 1, 1};
  CUtensorMap map{};
  const CUresult result =
      function(&map, type, static_cast<cuuint32_t>(rank), const_cast<void*>(data), sizes, strides, box,
               steps.data(), CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B,
               CU_TENSOR_MAP_L2_PROMOTION_L2_256B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  check(result == CUDA_SUCCESS, "cuTensorMapEncodeTiled refused a view");
  return map;
}

}  // namespace rerank::cuda
