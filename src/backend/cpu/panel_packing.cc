#include "backend/cpu/panel_packing.h"

#include <cstring>

#include "backend/cpu/int8/panel.h"

namespace rerank::cpu {
namespace {

template <typename From>
From load(const std::byte* row, std::int32_t index) {
  From value;
  std::memcpy(&value, row + static_cast<std::size_t>(index) * sizeof(From), sizeof(From));
  return value;
}

BFloat16 round_to_bfloat16(BFloat16 x) {
  return x;
}
BFloat16 round_to_bfloat16(Float16 x) {
  return to_bfloat16(to_float(x));
}
BFloat16 round_to_bfloat16(float x) {
  return to_bfloat16(x);
}

template <typename From>
void pack_bfloat16(const PanelRows& rows, std::int32_t num_inputs, std::int32_t k, std::uint32_t* panel) {
  for (std::int32_t pair = 0; pair < k / 2; ++pair) {
    const bool first = 2 * pair < num_inputs, second = 2 * pair + 1 < num_inputs;
    for (int c = 0; c < PanelRows::kColumns; ++c) {
      const std::byte* row = rows.rows[c];
      std::uint32_t bits = 0;
      if (row != nullptr) {
        if (first) bits = round_to_bfloat16(load<From>(row, 2 * pair)).bits;
        if (second) bits |= std::uint32_t{round_to_bfloat16(load<From>(row, 2 * pair + 1)).bits} << 16;
      }
      panel[pair * PanelRows::kColumns + c] = bits;
    }
  }
}

template <typename From>
void pack_float32(const PanelRows& rows, std::int32_t num_inputs, std::int32_t k, float* panel) {
  for (std::int32_t i = 0; i < k; ++i) {
    for (int c = 0; c < PanelRows::kColumns; ++c) {
      const std::byte* row = i < num_inputs ? rows.rows[c] : nullptr;
      panel[i * PanelRows::kColumns + c] = row != nullptr ? to_float(load<From>(row, i)) : 0.0f;
    }
  }
}

template <typename From>
void pack_from(const PanelRows& rows, std::int32_t num_inputs, std::int32_t k, Format format,
               std::byte* panel) {
  if (format == Format::kFloat32) {
    pack_float32<From>(rows, num_inputs, k, reinterpret_cast<float*>(panel));
  } else {
    pack_bfloat16<From>(rows, num_inputs, k, reinterpret_cast<std::uint32_t*>(panel));
  }
}

}  // namespace

std::size_t panel_bytes(std::int32_t k, Format format) {
  if (format == Format::kInt8) return int8_panel_bytes(k);
  return static_cast<std::size_t>(k) * PanelRows::kColumns * format_bytes(format);
}

void pack_panel(const PanelRows& rows, std::int32_t num_inputs, std::int32_t k, Format format,
                std::byte* panel) {
  switch (rows.type) {
    case DataType::kFloat32:
      return pack_from<float>(rows, num_inputs, k, format, panel);
    case DataType::kBFloat16:
      return pack_from<BFloat16>(rows, num_inputs, k, format, panel);
    case DataType::kFloat16:
      return pack_from<Float16>(rows, num_inputs, k, format, panel);
  }
}

}  // namespace rerank::cpu
