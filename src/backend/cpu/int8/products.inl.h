// Products of quantized row tiles and int8 panels, for any vector type. Sums are int32, and so exact: their
// order, and the way an instruction set multiplies bytes, do not change the bits.
#pragma once

#include <utility>

#include "backend/cpu/gemm.inl.h"
#include "backend/cpu/int8/panel.h"
#include "backend/cpu/int8/rows.inl.h"
#include "backend/cpu/int8/staged_rows.inl.h"

namespace rerank::cpu {
namespace {

// Adds products to the sums of two vectors of columns, for all steps of k: of one part of each step where an
// instruction set multiplies a step in parts.
template <class V, class Bytes, int Rows, int Part>
inline void add_part(const std::byte* rows, const std::byte* weights, std::int32_t num_steps,
                     typename Bytes::Ints (&sums)[Rows][2]) {
  constexpr int kStepBytes = kPanelColumns * 4;
  for (std::int32_t step = 0; step < num_steps; ++step) {
    __builtin_prefetch(weights + kPrefetchSteps * kStepBytes);
    if constexpr (V::kWidth == 16) __builtin_prefetch(weights + kPrefetchSteps * kStepBytes + 64);
    const typename Bytes::Ints w0 = Bytes::template weights<Part>(weights);
    const typename Bytes::Ints w1 = Bytes::template weights<Part>(weights + V::kWidth * 4);
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r) {
      std::int32_t bits;
      __builtin_memcpy(&bits, rows + r * Bytes::kStepBytes + 4 * Part, 4);
      const typename Bytes::Ints x = Bytes::broadcast(bits);
      sums[r][0] = Bytes::add_products(sums[r][0], x, w0);
      sums[r][1] = Bytes::add_products(sums[r][1], x, w1);
    }
    rows += V::kTileRows * Bytes::kStepBytes;
    weights += kStepBytes;
  }
}

// int32 sums of a row tile and a panel: [Rows][32].
template <class V, class Bytes, int Rows>
void sum_int8_tile(const std::byte* row_tile, const std::byte* panel, std::int32_t k, std::int32_t* tile) {
  constexpr int kPass = 2 * V::kWidth;  // columns whose sums fit the registers
  for (int column = 0; column < kPanelColumns; column += kPass) {
    typename Bytes::Ints sums[Rows][2];
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r) sums[r][0] = sums[r][1] = Bytes::zero();
    add_part<V, Bytes, Rows, 0>(row_tile, panel + column * 4, k / 4, sums);
    if constexpr (Bytes::kParts == 2) add_part<V, Bytes, Rows, 1>(row_tile, panel + column * 4, k / 4, sums);
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r) {
      Bytes::store(tile + r * kPanelColumns + column, sums[r][0]);
      Bytes::store(tile + r * kPanelColumns + column + V::kWidth, sums[r][1]);
    }
  }
}

// Sums of a tile as float32, scaled: the same operations for every instruction set.
template <class V, class Bytes>
void scale_sums(const std::int32_t* sums, const float* row_scales, const std::byte* panel_end, int rows,
                float* tile) {
  const auto* scales = reinterpret_cast<const float*>(panel_end);
  const auto* offsets = reinterpret_cast<const std::int32_t*>(scales + kPanelColumns);
  for (int r = 0; r < rows; ++r) {
    const typename V::Vec row_scale = V::set1(row_scales[r]);
    for (int c = 0; c < kPanelColumns; c += V::kWidth) {
      const typename V::Vec sum = Bytes::to_floats(sums + r * kPanelColumns + c, offsets + c);
      V::store(tile + r * kPanelColumns + c, V::mul(V::mul(sum, row_scale), V::load(scales + c)));
    }
  }
}

// Products of bytes in vector registers.
template <class V, class Bytes>
struct Int8Gemm {
  using Tiles = InterleavedInt8Tiles<V, Bytes>;
  using Out = StagedRows<V, float>;

  template <class Finish>
  static void run(const GemmTask& task) {
    const std::int32_t k = task.rows.k;
    const auto panel_bytes = static_cast<std::int64_t>(int8_panel_bytes(k));
    run_tiles<V, Tiles, Finish>(
        task, panel_bytes, [&](int rows, const std::byte* tile, const std::byte* panel, float* sums) {
          alignas(64) std::int32_t ints[V::kTileRows * kPanelColumns];
          choose(rows, std::make_integer_sequence<int, V::kTileRows>())(tile, panel, k, ints);
          const auto* row_scales = reinterpret_cast<const float*>(tile + Tiles::values_bytes(k));
          scale_sums<V, Bytes>(ints, row_scales, panel + int8_values_bytes(k), rows, sums);
        });
  }

 private:
  using SumTile = void (*)(const std::byte*, const std::byte*, std::int32_t, std::int32_t*);

  template <int... Rows>
  static SumTile choose(int rows, std::integer_sequence<int, Rows...>) {
    static constexpr SumTile kTiles[] = {&sum_int8_tile<V, Bytes, Rows + 1>...};
    return kTiles[rows - 1];
  }
};

}  // namespace
}  // namespace rerank::cpu
