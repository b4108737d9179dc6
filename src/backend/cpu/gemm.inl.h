// Products of row tiles and weight panels, for any vector type. For layouts and bit reproducibility see
// kernels.h.
#pragma once

#include <cstring>
#include <utility>

#include "backend/cpu/functions.inl.h"
#include "backend/cpu/kernels.h"
#include "backend/cpu/row_tiles.inl.h"

namespace rerank::cpu {
namespace {

// How far ahead weights are prefetched, in steps of the k loop.
constexpr int kPrefetchSteps = 8;

// float32 weights [k][32], float32 rows.
template <class V>
struct MultiplyFloat32 {
  using Row = float;
  static constexpr int kStep = 1;  // k values per step

  // The value of row r is at r * Stride.
  template <int Rows, int Stride = 1>
  static void step(const float* rows, const std::byte* weights, typename V::Vec (&sums)[Rows][2]) {
    const float* w = reinterpret_cast<const float*>(weights);
    const typename V::Vec w0 = V::load(w), w1 = V::load(w + V::kWidth);
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r) {
      const typename V::Vec x = V::set1(rows[r * Stride]);
      sums[r][0] = V::fma(x, w0, sums[r][0]);
      sums[r][1] = V::fma(x, w1, sums[r][1]);
    }
  }

  static void store_row(float* to, typename V::Vec x) {
    V::store(to, x);
  }
  // Stores kWidth columns of a row of values; nullptr: zeros.
  static void store_values(const float* row, const float*, void* to) {
    V::store(static_cast<float*>(to), row != nullptr ? V::load(row) : V::zero());
  }
};

// bfloat16 weights [k / 2][32][2], widened in registers; float32 rows.
template <class V>
struct MultiplyWidened {
  using Row = float;
  static constexpr int kStep = 2;

  template <int Rows>
  static void step(const float* rows, const std::byte* weights, typename V::Vec (&sums)[Rows][2]) {
    const std::byte* second = weights + V::kWidth * 4;
    {
      const typename V::Vec w0 = V::even_bfloat16(weights), w1 = V::even_bfloat16(second);
#pragma GCC unroll 16
      for (int r = 0; r < Rows; ++r) {
        const typename V::Vec x = V::set1(rows[r]);
        sums[r][0] = V::fma(x, w0, sums[r][0]);
        sums[r][1] = V::fma(x, w1, sums[r][1]);
      }
    }
    const typename V::Vec w0 = V::odd_bfloat16(weights), w1 = V::odd_bfloat16(second);
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r) {
      const typename V::Vec x = V::set1(rows[V::kTileRows + r]);
      sums[r][0] = V::fma(x, w0, sums[r][0]);
      sums[r][1] = V::fma(x, w1, sums[r][1]);
    }
  }
};

// tile = the rows of one tile times one panel. `k` counts values.
template <class V, class Multiply, int Rows>
void multiply_tile(const void* row_tile, const std::byte* panel, int k, float* tile) {  // tile: [Rows][32]
  constexpr int kPass = 2 * V::kWidth;  // columns whose sums fit the registers
  // A step reads kStep values of each of 32 columns: 128 bytes, of bfloat16 pairs as of float32.
  constexpr int kStepBytes = kPanelColumns * 4;
  for (int column = 0; column < kPanelColumns; column += kPass) {
    typename V::Vec sums[Rows][2];
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r) sums[r][0] = sums[r][1] = V::zero();
    const auto* rows = static_cast<const typename Multiply::Row*>(row_tile);
    const std::byte* weights = panel + column * 4;
    for (int step = 0; step < k / Multiply::kStep; ++step) {
      __builtin_prefetch(weights + kPrefetchSteps * kStepBytes);
      if constexpr (kPass * 4 > 64) __builtin_prefetch(weights + kPrefetchSteps * kStepBytes + 64);
      Multiply::template step<Rows>(rows, weights, sums);
      rows += V::kTileRows * Multiply::kStep;
      weights += kStepBytes;
    }
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r) {
      V::store(tile + r * kPanelColumns + column, sums[r][0]);
      V::store(tile + r * kPanelColumns + column + V::kWidth, sums[r][1]);
    }
  }
}

using MultiplyTile = void (*)(const void*, const std::byte*, int, float*);

// multiply_tile for 0 to kTileRows rows; the sums of a row are the same in all of them.
template <class V, class Multiply, int... Rows>
MultiplyTile choose_tile(int rows, std::integer_sequence<int, Rows...>) {
  static constexpr MultiplyTile kTiles[] = {&multiply_tile<V, Multiply, Rows + 1>...};
  return kTiles[rows - 1];
}

template <class V, class Multiply>
void multiply_rows(int rows, const void* row_tile, const std::byte* panel, int k, float* tile) {
  choose_tile<V, Multiply>(rows, std::make_integer_sequence<int, V::kTileRows>())(row_tile, panel, k, tile);
}

// The sums, plus the bias if the product has one.
template <class V, bool Biased>
inline typename V::Vec load_sums(const GemmTask& task, const float* sums, int r, int panel, int column) {
  typename V::Vec x = V::load(sums + r * kPanelColumns + column);
  if constexpr (Biased) x = V::add(x, V::load(task.bias + panel * kPanelColumns + column));
  return x;
}

// The epilogue for one tile of sums: `rows` rows starting at `row`, in the columns of `panel`.
template <class V, class Out, bool Biased, class Function>
struct Gate {
  static void prefetch(const GemmTask&, int, int, int) {}
  static void finish(const GemmTask& task, const float* sums, int rows, int row, int panel) {
    Out::template store_block<kHalfPanel>(task.ffn, row, rows, panel * kHalfPanel, [&](int r, int c) {
      return V::mul(Function::of(load_sums<V, Biased>(task, sums, r, panel, c)),
                    load_sums<V, Biased>(task, sums, r, panel, kHalfPanel + c));
    });
  }
};

template <class V, class Out, bool Biased, class Function>
struct Activate {
  static void prefetch(const GemmTask&, int, int, int) {}
  static void finish(const GemmTask& task, const float* sums, int rows, int row, int panel) {
    Out::template store_block<kPanelColumns>(task.ffn, row, rows, panel * kPanelColumns, [&](int r, int c) {
      return Function::of(load_sums<V, Biased>(task, sums, r, panel, c));
    });
  }
};

template <class V, bool Biased, bool Adds>
struct Store {
  // Called while the sums are computed.
  static void prefetch(const GemmTask& task, int rows, int row, int panel) {
    for (int r = 0; r < rows; ++r) {
      const float* out = task.out + (row + r) * task.out_stride + panel * kPanelColumns;
      __builtin_prefetch(out, 1);
      __builtin_prefetch(out + 16, 1);
    }
  }
  static void finish(const GemmTask& task, const float* sums, int rows, int row, int panel) {
    for (int r = 0; r < rows; ++r) {
      float* out = task.out + (row + r) * task.out_stride + panel * kPanelColumns;
      for (int c = 0; c < kPanelColumns; c += V::kWidth) {
        typename V::Vec x = load_sums<V, Biased>(task, sums, r, panel, c);
        if constexpr (Adds) x = V::add(V::load(out + c), x);
        V::store(out + c, x);
      }
    }
  }
};

// One tile of rows and one panel at a time: multiply(rows, row tile, panel, sums).
template <class V, class Tiles, class Finish, class Multiply>
inline void run_tiles(const GemmTask& task, std::int64_t panel_bytes, const Multiply& multiply) {
  const std::int64_t tile_bytes = Tiles::tile_bytes(task.rows.k);
  alignas(64) float sums[V::kTileRows * kPanelColumns];
  for (int panel = task.first_panel; panel < task.end_panel; ++panel) {
    const std::byte* weights = task.panels + panel * panel_bytes;
    for (int t = task.first_tile; t < task.end_tile; ++t) {
      const int row = t * V::kTileRows;
      const int rows = task.num_rows - row < V::kTileRows ? task.num_rows - row : V::kTileRows;
      Finish::prefetch(task, rows, row, panel);
      multiply(rows, task.rows.data + t * tile_bytes, weights, sums);
      Finish::finish(task, sums, rows, row, panel);
    }
  }
}

// Products in vector registers; `Out` is the layout of an MLP's output.
template <class V, class Multiply>
struct VectorGemm {
  using Row = typename Multiply::Row;
  using Tiles = TilesOf<V, Row>;
  using Out = Tiles;

  template <class Finish>
  static void run(const GemmTask& task) {
    const std::int64_t panel_bytes = std::int64_t{task.rows.k} * kPanelColumns * 4 / Multiply::kStep;
    run_tiles<V, Tiles, Finish>(
        task, panel_bytes, [&](int rows, const std::byte* tile, const std::byte* panel, float* sums) {
          multiply_rows<V, Multiply>(rows, reinterpret_cast<const Row*>(tile), panel, task.rows.k, sums);
        });
  }
};

template <class V, class Gemm, bool Biased, class Function>
void gemm_activated(const GemmTask& task) {
  using Out = typename Gemm::Out;
  if (task.epilogue == Epilogue::kGate) return Gemm::template run<Gate<V, Out, Biased, Function>>(task);
  Gemm::template run<Activate<V, Out, Biased, Function>>(task);
}

template <class V, class Gemm, bool Biased>
void gemm_finished(const GemmTask& task) {
  if (task.epilogue == Epilogue::kStore) return Gemm::template run<Store<V, Biased, false>>(task);
  if (task.epilogue == Epilogue::kAdd) return Gemm::template run<Store<V, Biased, true>>(task);
  switch (task.activation) {
    case ActivationFunction::kSilu:
      return gemm_activated<V, Gemm, Biased, Silu<V>>(task);
    case ActivationFunction::kGeluTanh:
      return gemm_activated<V, Gemm, Biased, GeluTanh<V>>(task);
    case ActivationFunction::kGelu:
      return gemm_activated<V, Gemm, Biased, Gelu<V>>(task);
  }
}

template <class V, class Gemm>
void gemm(const GemmTask& task) {
  task.bias != nullptr ? gemm_finished<V, Gemm, true>(task) : gemm_finished<V, Gemm, false>(task);
}

}  // namespace
}  // namespace rerank::cpu
