// The safetensors format, written: what comes before the tensors' elements (the format itself: see
// safetensors.h).
#pragma once

#include <span>
#include <string>

#include "checkpoint/checkpoint.h"

namespace rerank {

// Length, JSON and padding to a multiple of 8 bytes. The tensors' elements follow in the order of `tensors`,
// dense.
std::string make_safetensors_header(std::span<const TensorInfo> tensors);

// Of one tensor's elements.
std::uint64_t tensor_bytes(const TensorInfo& tensor);

}  // namespace rerank
