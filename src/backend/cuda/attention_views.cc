// Descriptions of qkv and the store for the copy engine; see the CUDA driver API, cuTensorMapEncodeTiled.
#include <cuda_runtime_api.h>

#include <algorithm>

#include "backend/cuda/attention.h"
#include "backend/cuda/device.h"
#include "rerank/error.h"

namespace rerank::cuda {
namespace {

using Encode = decltype(&cuTensorMapEncodeTiled);

// From the driver, which is not linked.
Encode find_encode() {
  void* function = nullptr;
  cudaDriverEntryPointQueryResult found{};
  RERANK_CUDA_CHECK(cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &function, 12000,
                                                     cudaEnableDefault, &found));
  require(found == cudaDriverEntryPointSuccess,
          "the NVIDIA driver has no cuTensorMapEncodeTiled: it is too old", ErrorCode::kUnsupported);
  return reinterpret_cast<Encode>(function);
}

// Dimensions and strides from the innermost outwards; boxes of 64 bfloat16, swizzled by 128 bytes.
template <std::size_t Rank>
CUtensorMap encode(void* data, const cuuint64_t (&sizes)[Rank], const cuuint64_t (&strides)[Rank - 1],
                   const cuuint32_t (&box)[Rank]) {
  static const Encode function = find_encode();
  cuuint32_t steps[Rank];
  std::fill(std::begin(steps), std::end(steps), 1);
  CUtensorMap map{};
  const CUresult result = function(&map, CU_TENSOR_MAP_DATA_TYPE_BFLOAT16, Rank, data, sizes, strides, box,
                                   steps, CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B,
                                   CU_TENSOR_MAP_L2_PROMOTION_L2_256B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  check(result == CUDA_SUCCESS, "cuTensorMapEncodeTiled refused a view");
  return map;
}

}  // namespace

AttentionViews make_attention_views(const AttentionShape& shape, DeviceBFloat16* qkv, std::int64_t num_rows,
                                    DeviceBFloat16* store, std::int64_t num_slots) {
  const auto size = [](std::int64_t n) { return static_cast<cuuint64_t>(n); };
  const std::int64_t qkv_dim = shape.query_dim() + 2 * shape.kv_dim(), slot_dim = 2 * shape.kv_dim();
  AttentionViews views{};
  for (int box = 0; box < AttentionViews::kBoxes; ++box) {
    const cuuint32_t rows = 1u << box;
    views.rows[box] = encode<2>(qkv, {size(qkv_dim), size(num_rows)}, {size(2 * qkv_dim)}, {64, rows});
    views.slots[box] = encode<2>(store, {size(slot_dim), size(num_slots)}, {size(2 * slot_dim)}, {64, rows});
  }
  // A head of 32 is read with its neighbour, which nobody looks at.
  const std::int32_t group = shape.num_heads / shape.num_kv_heads;
  views.queries = encode<3>(qkv, {size(std::max(64, shape.head_dim)), size(shape.num_heads), size(num_rows)},
                            {size(2 * shape.head_dim), size(2 * qkv_dim)},
                            {64, static_cast<cuuint32_t>(group),
                             static_cast<cuuint32_t>(attention_tokens(shape.num_heads, shape.num_kv_heads))});
  return views;
}

}  // namespace rerank::cuda
