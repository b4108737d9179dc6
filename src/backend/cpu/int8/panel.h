// Packs one panel of int8 weights: [k / 4][32][4] values, k rounded up to a multiple of 64 and padded with
// zeros, for all instruction sets alike; then [32] float32 scales and [32] int32 offsets. Four consecutive
// inputs of an output are side by side, as dot products of bytes read them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "backend/cpu/panel_packing.h"

namespace rerank::cpu {

// The offsets are kInt8Offset times the sum of an output's values: what a product has too much if its rows
// are stored as unsigned bytes, each value plus kInt8Offset.
inline constexpr std::int32_t kInt8Offset = 128;

constexpr std::size_t int8_values_bytes(std::int32_t k) {
  return static_cast<std::size_t>((k + 63) / 64 * 64) * PanelRows::kColumns;
}
constexpr std::size_t int8_panel_bytes(std::int32_t k) {
  return int8_values_bytes(k) + 2 * PanelRows::kColumns * 4;
}

// The weights of column i are multiplied by factors[i] before they are rotated and rounded; empty: by 1.
// Inputs from `num_inputs` up to k are 0.
void pack_int8_panel(const PanelRows& rows, std::int32_t num_inputs, std::int32_t k,
                     std::span<const float> factors, std::byte* panel);

}  // namespace rerank::cpu
