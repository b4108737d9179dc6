// Creates tensor maps for TMA; see cuTensorMapEncodeTiled in the CUDA driver API.
#pragma once

#include <cuda.h>
#include <cuda_bf16.h>

#include <cstddef>
#include <cstdint>

namespace rerank::cuda {

// Sizes and box start with the innermost dimension; strides are in bytes, of all dimensions except the
// innermost. Elements of a box outside the matrix are zeros. Rows of a box are swizzled by 128 bytes, so its
// first size is at most that many.
CUtensorMap tensor_map(CUtensorMapDataType type, const void* data, std::size_t rank, const cuuint64_t* sizes,
                       const cuuint64_t* strides, const cuuint32_t* box);

inline CUtensorMapDataType copied_type(const __nv_bfloat16*) {
  return CU_TENSOR_MAP_DATA_TYPE_BFLOAT16;
}
inline CUtensorMapDataType copied_type(const std::uint8_t*) {
  return CU_TENSOR_MAP_DATA_TYPE_UINT8;
}

template <std::size_t Rank, typename Number>
CUtensorMap tensor_map(const Number* data, const cuuint64_t (&sizes)[Rank],
                       const cuuint64_t (&strides)[Rank - 1], const cuuint32_t (&box)[Rank]) {
  return tensor_map(copied_type(data), data, Rank, sizes, strides, box);
}

}  // namespace rerank::cuda
