// A read-only view of a tensor that somebody else owns: what a checkpoint gives out and a backend packs.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <vector>

#include "base/data_type.h"

namespace rerank {

// Row-major, dense. The memory lives as long as the checkpoint that made the view; it may be unaligned.
struct TensorView {
  DataType type = DataType::kFloat32;
  std::vector<std::int64_t> shape;
  const std::byte* data = nullptr;

  std::int64_t num_elements() const {
    std::int64_t n = 1;
    for (const std::int64_t d : shape) n *= d;
    return n;
  }
  std::size_t size_bytes() const { return static_cast<std::size_t>(num_elements()) * element_bytes(type); }
  bool empty() const { return data == nullptr; }

  // Row `row` of a matrix [rows, columns], as a view [columns].
  TensorView row(std::int64_t row) const {
    return {type, {shape[1]}, data + static_cast<std::size_t>(row * shape[1]) * element_bytes(type)};
  }
  // Rows [first, first + count) of a matrix, or elements of a vector.
  TensorView rows(std::int64_t first, std::int64_t count) const {
    TensorView part = *this;
    part.shape[0] = count;
    const std::int64_t row_elements = num_elements() / shape[0];
    part.data += static_cast<std::size_t>(first * row_elements) * element_bytes(type);
    return part;
  }
};

// Widens `count` elements of `view`, from element `first` on, to float32 (exact for every DataType).
void widen(const TensorView& view, std::int64_t first, std::span<float> out);

}  // namespace rerank
