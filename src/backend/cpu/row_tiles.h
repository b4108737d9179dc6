// Sizes of the kernels' memory.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "backend/cpu/kernels.h"

namespace rerank::cpu {

inline std::int32_t ceil_divide(std::int32_t a, std::int32_t b) {
  return (a + b - 1) / b;
}

inline std::int32_t num_tiles(const Kernels& kernels, std::int32_t rows) {
  return ceil_divide(rows, kernels.tile_rows);
}

// The size of row tiles for `rows` rows of k values.
inline std::size_t row_tiles_bytes(const Kernels& kernels, std::int32_t rows, std::int32_t k) {
  return static_cast<std::size_t>(num_tiles(kernels, rows) * kernels.tile_bytes(k));
}

// See attention.inl.h.
inline std::size_t causal_scratch_bytes(const Kernels& kernels, std::int32_t head_dim,
                                        std::int32_t max_queries) {
  const auto padded = static_cast<std::size_t>(num_tiles(kernels, max_queries) * kernels.tile_rows);
  const auto dim = static_cast<std::size_t>(head_dim);
  const auto value_columns = static_cast<std::size_t>(ceil_divide(head_dim, kPanelColumns) * kPanelColumns);
  return 4 * ((dim + value_columns) * kKeyTile + 2 * dim * padded + 2 * padded);
}

// The same for prompt_attention.inl.h, whose parts are at most float32.
inline std::size_t prompt_attention_scratch_bytes(const Kernels& kernels, std::int32_t head_dim,
                                                  std::int32_t max_queries) {
  const auto queries = static_cast<std::size_t>(max_queries);
  const auto value_columns = static_cast<std::size_t>(ceil_divide(head_dim, kPanelColumns) * kPanelColumns);
  const std::size_t tile = static_cast<std::size_t>(kernels.tile_rows) * kPromptTileStride;
  constexpr std::size_t kParts = 8;
  return 4 * (2 * value_columns * kPromptBlock + 3 * tile + queries * (value_columns + 2)) + 64 * kParts;
}

// The size of AttentionTask::scratch for at most `max_queries` queries, whichever attention it is.
inline std::size_t attention_scratch_bytes(const Kernels& kernels, std::int32_t head_dim,
                                           std::int32_t max_queries) {
  return std::max(causal_scratch_bytes(kernels, head_dim, max_queries),
                  prompt_attention_scratch_bytes(kernels, head_dim, max_queries));
}

}  // namespace rerank::cpu
