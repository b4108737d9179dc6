// Packs one panel of weights, see packed_model.h.
#pragma once

#include <cstddef>
#include <cstdint>

#include "backend/cpu/kernels.h"
#include "base/tensor_view.h"

namespace rerank::cpu {

// The rows of a matrix that become the panel's columns; a column without a row is 0.
struct PanelRows {
  static constexpr int kColumns = 32;
  const std::byte* rows[kColumns] = {};
  DataType type = DataType::kFloat32;
};

// The size of a panel with `k` inputs. REQUIRES: k is even.
std::size_t panel_bytes(std::int32_t k, Format format);

// Writes [k / 2][32][2] bfloat16 or [k][32] float32; inputs from `num_inputs` up to k are 0.
void pack_panel(const PanelRows& rows, std::int32_t num_inputs, std::int32_t k, Format format,
                std::byte* panel);

}  // namespace rerank::cpu
