// Fills the table of kernels for one vector type and one arithmetic.
#pragma once

#include "backend/cpu/attention.inl.h"
#include "backend/cpu/gemm.inl.h"
#include "backend/cpu/kernels.h"
#include "backend/cpu/row_tiles.inl.h"

namespace rerank::cpu {
namespace {

template <class V>
void gemm_float32_rows(const GemmTask& task) {
  if (task.float32_weights) {
    gemm<V, MultiplyFloat32<V>, float>(task);
  } else {
    gemm<V, MultiplyWidened<V>, float>(task);
  }
}

template <class V, class Row>
constexpr Kernels kernel_set(const char* instruction_set, void (*gemm_rows)(const GemmTask&)) {
  return {
      .instruction_set = instruction_set,
      .bfloat16 = sizeof(Row) == 2,
      .tile_rows = V::kTileRows,
      .gemm = gemm_rows,
      .norm = &norm<V, Row>,
      .rope = &rope<V, false>,
      .norm_rope = &rope<V, true>,
      .attention = &attention<V, Row>,
      .store_kv = &store_kv<V, Row>,
      .score = &score<V>,
      .pack_row = &pack_row<V, Row>,
      .unpack_row = &unpack_row<V, Row>,
  };
}

}  // namespace
}  // namespace rerank::cpu
