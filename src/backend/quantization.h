// What quantization to int8 is, on every device: which layers it applies to, and how rows are rotated before
// they are rounded. Activations and weights are rotated alike, so their product stays the same, and one
// outlier in a row does not make the steps of all other values coarse (QuaRot, Ashkboos et al. 2024).
#pragma once

#include <cstdint>
#include <span>

#include "backend/transformer.h"

namespace rerank {

// Errors in the first layers matter most, and the last layer computes few rows: neither is quantized.
inline bool is_quantized_layer(const TransformerSpec& spec, std::int32_t layer, std::int32_t num_first = 1) {
  return layer >= num_first && layer + 1 < spec.num_layers;
}

// Each run of this many columns of a row is rotated: a power of two up to 64 that divides the columns.
constexpr std::int32_t turned_columns(std::int32_t columns) {
  const std::int32_t power = columns & -columns;
  return power < 64 ? power : 64;
}

// Rotates a row: multiplies each run by a Hadamard matrix with entries 1 and -1, which makes products of rows
// turned_columns times as large. Additions are in the order of falling distances.
inline void turn_row(std::span<float> row) {
  const auto columns = static_cast<std::int32_t>(row.size());
  const std::int32_t run = turned_columns(columns);
  for (std::int32_t distance = run / 2; distance > 0; distance /= 2) {
    for (std::int32_t first = 0; first < columns; first += 2 * distance) {
      float* a = row.data() + first;
      float* b = a + distance;
      for (std::int32_t i = 0; i < distance; ++i) {
        const float sum = a[i] + b[i];
        b[i] = a[i] - b[i];
        a[i] = sum;
      }
    }
  }
}

}  // namespace rerank
