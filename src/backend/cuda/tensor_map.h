// Descriptions of matrices for the copy engine; see the CUDA driver API, cuTensorMapEncodeTiled.
#pragma once

#include <cuda.h>

#include <cstddef>

namespace rerank::cuda {

// Sizes and box from the innermost dimension outwards; strides in bytes, of all dimensions but the innermost.
// What a box has outside is zeros. Rows of a box are swizzled by 128 bytes, so its first size is at most 64
// numbers.
CUtensorMap tensor_map(const void* data, std::size_t rank, const cuuint64_t* sizes, const cuuint64_t* strides,
                       const cuuint32_t* box);

template <std::size_t Rank>
CUtensorMap tensor_map(const void* data, const cuuint64_t (&sizes)[Rank],
                       const cuuint64_t (&strides)[Rank - 1], const cuuint32_t (&box)[Rank]) {
  return tensor_map(data, Rank, sizes, strides, box);
}

}  // namespace rerank::cuda
