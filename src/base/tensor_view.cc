#include "base/tensor_view.h"

#include <cstring>

namespace rerank {
namespace {

template <typename T>
void widen_as(const std::byte* data, std::span<float> out) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    T value;
    std::memcpy(&value, data + i * sizeof(T), sizeof(T));  // safetensors do not align their tensors
    out[i] = to_float(value);
  }
}

}  // namespace

void widen(const TensorView& view, std::int64_t first, std::span<float> out) {
  const std::byte* data = view.data + static_cast<std::size_t>(first) * element_bytes(view.type);
  switch (view.type) {
    case DataType::kFloat32:
      return widen_as<float>(data, out);
    case DataType::kBFloat16:
      return widen_as<BFloat16>(data, out);
    case DataType::kFloat16:
      return widen_as<Float16>(data, out);
  }
}

}  // namespace rerank
