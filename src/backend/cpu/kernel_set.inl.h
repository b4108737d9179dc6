// Fills the table of kernels for one vector type and one arithmetic.
#pragma once

#include "backend/cpu/attention.inl.h"
#include "backend/cpu/gemm.inl.h"
#include "backend/cpu/kernels.h"
#include "backend/cpu/row_tiles.inl.h"

namespace rerank::cpu {
namespace {

template <class V, class Multiply>
constexpr Kernels kernel_set(const char* instruction_set, const Arithmetic& arithmetic, bool (*supported)()) {
  using Row = typename Multiply::Row;
  return {
      .instruction_set = instruction_set,
      .arithmetic = arithmetic,
      .supported = supported,
      .tile_rows = V::kTileRows,
      .gemm = &gemm<V, Multiply, Row>,
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
