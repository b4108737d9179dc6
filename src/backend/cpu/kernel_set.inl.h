// Fills the table of kernels for one vector type and one arithmetic.
#pragma once

#include "backend/cpu/attention.inl.h"
#include "backend/cpu/gemm.inl.h"
#include "backend/cpu/kernels.h"
#include "backend/cpu/prompt_attention.inl.h"
#include "backend/cpu/row_steps.inl.h"
#include "backend/cpu/row_tiles.inl.h"

namespace rerank::cpu {
namespace {

template <class V, class Row, class Kind>
constexpr NormKernels norm_kernels() {
  return {.to_tiles = &norm<V, Row, Kind, NormTarget::kTiles>,
          .to_rows = &norm<V, Row, Kind, NormTarget::kRows>,
          .to_both = &norm<V, Row, Kind, NormTarget::kBoth>};
}

// Causal attention over runs of keys: on tiles it is the same as bidirectional.
template <class V, class Attend, class Out>
constexpr auto choose_attention() {
  if constexpr (Attend::kCausal) {
    return &prompt_attention<V, Attend, Out>;
  } else {
    return &attention<V, typename Attend::Row, Out>;
  }
}

// `Gemm` multiplies row tiles and weights, `Attend` rows and keys or values. Both have the same rows.
template <class V, class Gemm, class Attend>
constexpr Kernels kernel_set(const char* instruction_set, const Arithmetic& arithmetic, bool (*supported)()) {
  using Row = typename Attend::Row;
  return {
      .instruction_set = instruction_set,
      .arithmetic = arithmetic,
      .supported = supported,
      .tile_rows = V::kTileRows,
      .row_block_values = V::kRowBlockValues,
      .tile_bytes = &TilesOf<V, Row>::tile_bytes,
      .gemm = &gemm<V, Gemm>,
      .rms_norm = norm_kernels<V, Row, RmsNorm<V>>(),
      .layer_norm = norm_kernels<V, Row, LayerNorm<V>>(),
      .rotate = &finish_heads<V, false, true>,
      .norm_rotate = &finish_heads<V, true, true>,
      .norm_heads = &finish_heads<V, true, false>,
      .attention = choose_attention<V, Attend, TilesOf<V, Row>>(),
      .prompt_attention = &prompt_attention<V, Attend, TilesOf<V, Row>>,
      .store_kv = &store_kv<V, Row>,
      .dot = &dot<V>,
      .pack_row = &pack_row<V, Row>,
      .unpack_row = &unpack_row<V, Row>,
      .quantize_staged = nullptr,
  };
}

}  // namespace
}  // namespace rerank::cpu
