// Kernels that start before the previous kernel of their stream has ended, to do work that does not depend on
// it. See "programmatic dependent launch" in the CUDA programming guide. For kernels and their launchers
// only.
#pragma once

#include <cuda_runtime.h>

#include "backend/cuda/device.h"

namespace rerank::cuda {

// Lets the next kernel of the stream start on multiprocessors that this one frees.
__device__ inline void let_next_kernel_begin() {
  asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
}
// Waits until the previous kernels have ended and their writes are visible. In an overlapping kernel every
// access to memory that they use must come after this, in the same thread or in one that waits for that
// thread's data.
__device__ inline void await_kernels_before() {
  asm volatile("griddepcontrol.wait;" ::: "memory");
}

template <typename... Parameters, typename... Arguments>
void launch_overlapping(void (*kernel)(Parameters...), unsigned grid, dim3 block, std::size_t shared_bytes,
                        cudaStream_t stream, const Arguments&... arguments) {
  cudaLaunchAttribute attribute{};
  attribute.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  attribute.val.programmaticStreamSerializationAllowed = 1;
  cudaLaunchConfig_t config{};
  config.gridDim = grid;
  config.blockDim = block;
  config.dynamicSmemBytes = shared_bytes;
  config.stream = stream;
  config.attrs = &attribute;
  config.numAttrs = 1;
  RERANK_CUDA_CHECK(cudaLaunchKernelEx(&config, kernel, arguments...));
}

}  // namespace rerank::cuda
