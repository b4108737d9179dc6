#include "backend/cuda/device.h"

#include <fmt/format.h>

#include "rerank/error.h"

namespace rerank::cuda {

void cuda_check(cudaError_t status, const char* call) {
  if (status == cudaSuccess) return;
  throw Error(ErrorCode::kUnavailable,
              fmt::format("{} ({}) from {}", cudaGetErrorString(status), cudaGetErrorName(status), call));
}

DeviceBuffer::DeviceBuffer(std::size_t size_bytes) : size_bytes_(size_bytes) {
  if (size_bytes > 0) RERANK_CUDA_CHECK(cudaMalloc(&data_, size_bytes));
}

DeviceBuffer DeviceBuffer::zeros(std::size_t size_bytes) {
  DeviceBuffer buffer(size_bytes);
  RERANK_CUDA_CHECK(cudaMemset(buffer.data_, 0, size_bytes));
  RERANK_CUDA_CHECK(cudaStreamSynchronize(nullptr));  // which other streams do not wait for
  return buffer;
}

DeviceBuffer::~DeviceBuffer() {
  cudaFree(data_);
}

PinnedBuffer::PinnedBuffer(std::size_t size_bytes) {
  RERANK_CUDA_CHECK(cudaMallocHost(&data_, size_bytes));
}

PinnedBuffer::~PinnedBuffer() {
  cudaFreeHost(data_);
}

Stream::Stream() {
  RERANK_CUDA_CHECK(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking));
}

Stream::~Stream() {
  cudaStreamDestroy(stream_);
}

Event::Event(unsigned flags) {
  RERANK_CUDA_CHECK(cudaEventCreateWithFlags(&event_, flags));
}

Event::~Event() {
  cudaEventDestroy(event_);
}

}  // namespace rerank::cuda
