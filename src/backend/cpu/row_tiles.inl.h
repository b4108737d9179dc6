// Reading and writing row tiles. A vector type names the layout of its tiles, `V::Tiles<V, Row>`, which its
// products read; nothing else depends on it.
#pragma once

#include <cstdint>

#include "backend/cpu/kernels.h"

namespace rerank::cpu {
namespace {

// The element type of row tiles: float in float32 arithmetic, Bits16 in bfloat16 arithmetic.
using Bits16 = std::uint16_t;

// [k][tile_rows] of float32 or [k / 2][tile_rows][2] of bfloat16: what a product broadcasts is consecutive.
template <class V, class Row>
struct InterleavedTiles {
  using Vec = typename V::Vec;
  static constexpr int kPair = 4 / static_cast<int>(sizeof(Row));  // values of a row side by side

  // The element that holds column `column` of row `row`.
  static std::int64_t index(std::int32_t k, int row, std::int64_t column) {
    return std::int64_t{row / V::kTileRows} * k * V::kTileRows + column / kPair * kPair * V::kTileRows +
           row % V::kTileRows * kPair + column % kPair;
  }

  static std::int64_t tile_bytes(std::int32_t k) {
    return std::int64_t{k} * V::kTileRows * static_cast<std::int64_t>(sizeof(Row));
  }

  // Stores kWidth consecutive values of a row. REQUIRES: column is a multiple of kWidth.
  static void store(RowTiles tiles, int row, int column, Vec x) {
    Row* to = reinterpret_cast<Row*>(tiles.data) + index(tiles.k, row, column);
    if constexpr (sizeof(Row) == 2) {
      alignas(32) std::uint32_t pairs[V::kWidth / 2];
      V::store_bfloat16(reinterpret_cast<Bits16*>(pairs), x);
      for (int i = 0; i < V::kWidth / 2; ++i)
        reinterpret_cast<std::uint32_t*>(to)[i * V::kTileRows] = pairs[i];
    } else {
      alignas(64) float values[V::kWidth];
      V::store(values, x);
      for (int i = 0; i < V::kWidth; ++i) to[i * V::kTileRows] = values[i];
    }
  }

  // Stores Columns consecutive values of `rows` rows, starting at `row`, in the tile that they share:
  // values(r, c) returns kWidth values of row r starting at column c.
  template <int Columns, class Values>
  static void store_block(RowTiles tiles, int row, int rows, int column, const Values& values) {
    if constexpr (V::kTransposes) {
      store_transposed<Columns>(tiles, row, rows, column, values);
    } else {
      for (int r = 0; r < rows; ++r) {
        for (int c = 0; c < Columns; c += V::kWidth) store(tiles, row + r, column + c, values(r, c));
      }
    }
  }

 private:
  template <int Columns, class Values>
  static void store_transposed(RowTiles tiles, int row, int rows, int column, const Values& values) {
    constexpr int kWords = Columns / kPair;
    static_assert(V::kWidth == 16 && (kWords == 8 || kWords == 16 || kWords == 32));
    const int first = row % V::kTileRows;
    auto* to = reinterpret_cast<std::uint32_t*>(tiles.data) + index(tiles.k, row - first, column) / kPair;
    for (int word = 0; word < kWords; word += 16) {
      decltype(V::zero_words()) words[16];
#pragma GCC unroll 16
      for (int r = 0; r < 16; ++r) {
        if (r >= V::kTileRows || r < first || r >= first + rows) {
          words[r] = V::zero_words();
        } else if constexpr (sizeof(Row) == 4) {
          words[r] = V::words(values(r - first, word));
        } else if constexpr (kWords == 8) {
          words[r] = V::pairs(values(r - first, 0));
        } else {
          words[r] = V::pairs(values(r - first, 2 * word), values(r - first, 2 * word + V::kWidth));
        }
      }
      V::template store_transposed<kWords == 8 ? 8 : 16>(words, to + word * V::kTileRows, V::kTileRows, first,
                                                         first + rows);
    }
  }
};

template <class V, class Row>
using TilesOf = typename V::template Tiles<V, Row>;

template <class V, class Row>
void pack_row(const float* from, RowTiles to, std::int32_t row) {
  for (int i = 0; i < to.k; i += V::kWidth) TilesOf<V, Row>::store(to, row, i, V::load(from + i));
}

template <class V, class Row>
void unpack_row(RowTiles from, std::int32_t row, float* to) {
  for (int i = 0; i < from.k; ++i) {
    const Row x = reinterpret_cast<const Row*>(from.data)[TilesOf<V, Row>::index(from.k, row, i)];
    if constexpr (sizeof(Row) == 2) {
      const std::uint32_t bits = std::uint32_t{x} << 16;
      __builtin_memcpy(to + i, &bits, sizeof(bits));
    } else {
      to[i] = x;
    }
  }
}

}  // namespace
}  // namespace rerank::cpu
