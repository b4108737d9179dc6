// Writes the safetensors format: everything before the elements of the tensors. For the format see
// safetensors.h.
#pragma once

#include <span>
#include <string>

#include "checkpoint/checkpoint.h"

namespace rerank {

// The length, the JSON and padding to a multiple of 8 bytes. The elements follow in the order of `tensors`,
// without gaps.
std::string make_safetensors_header(std::span<const TensorInfo> tensors);

// The size of one tensor's elements.
std::uint64_t tensor_bytes(const TensorInfo& tensor);

}  // namespace rerank
