#include "backend/cpu/int8/panel.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <span>
#include <vector>

#include "backend/quantization.h"
#include "base/tensor_view.h"

namespace rerank::cpu {
namespace {

// Adding it leaves an integer of at most 22 bits, rounded to nearest even, in the low bits of the sum.
constexpr float kRoundingOffset = 12582912.0f;  // 1.5 * 2^23

// One output of the panel: its values, and returns its scale.
float quantize_output(std::span<float> row, std::int8_t* column, std::int32_t& offset) {
  turn_row(row);
  float largest = 0;
  for (const float x : row) largest = std::max(largest, std::abs(x));
  const float scale = largest < 1e-30f ? 1.0f : largest / 127, inverse = 1 / scale;
  std::int32_t sum = 0;
  for (std::size_t i = 0; i < row.size(); ++i) {
    const auto value =
        static_cast<std::int8_t>(std::bit_cast<std::uint32_t>(row[i] * inverse + kRoundingOffset));
    column[i / 4 * 4 * PanelRows::kColumns + i % 4] = value;
    sum += value;
  }
  offset = kInt8Offset * sum;
  return scale / std::sqrt(static_cast<float>(turned_columns(static_cast<std::int32_t>(row.size()))));
}

}  // namespace

void pack_int8_panel(const PanelRows& rows, std::int32_t num_inputs, std::int32_t k,
                     std::span<const float> factors, std::byte* panel) {
  std::memset(panel, 0, int8_panel_bytes(k));
  auto* scales = reinterpret_cast<float*>(panel + int8_values_bytes(k));
  auto* offsets = reinterpret_cast<std::int32_t*>(scales + PanelRows::kColumns);
  std::vector<float> row(static_cast<std::size_t>(k));
  for (int c = 0; c < PanelRows::kColumns; ++c) {
    if (rows.rows[c] == nullptr) continue;
    const std::span<float> inputs(row.data(), static_cast<std::size_t>(num_inputs));
    widen({rows.type, {num_inputs}, rows.rows[c]}, 0, inputs);
    for (std::size_t i = 0; i < factors.size(); ++i) inputs[i] *= factors[i];
    std::fill(row.begin() + num_inputs, row.end(), 0.0f);
    scales[c] = quantize_output(row, reinterpret_cast<std::int8_t*>(panel) + 4 * c, offsets[c]);
  }
}

}  // namespace rerank::cpu
