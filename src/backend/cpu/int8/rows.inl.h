// Quantizing rows to int8, for any vector type: rotated, one float32 scale each. The bits are the same for
// every vector type. `Bytes` is an instruction set's arithmetic of bytes, see bytes_*.h; `Tiles` the
// layout of quantized row tiles that its products read.
#pragma once

#include <cmath>
#include <cstdint>

#include "backend/cpu/kernels.h"
#include "backend/quantization.h"

namespace rerank::cpu {
namespace {

// [k / 4][tile_rows] steps of four values of a row, then [tile_rows] scales: what a product broadcasts is
// consecutive.
template <class V, class Bytes>
struct InterleavedInt8Tiles {
  static constexpr int kTileRows = V::kTileRows;

  static std::int64_t values_bytes(std::int32_t k) {
    return std::int64_t{k} / 4 * kTileRows * Bytes::kStepBytes;
  }
  static std::int64_t tile_bytes(std::int32_t k) { return (values_bytes(k) + 4 * kTileRows + 63) / 64 * 64; }
  static std::byte* tile(RowTiles tiles, int row) {
    return tiles.data + row / kTileRows * tile_bytes(tiles.k);
  }
  static float* scales(RowTiles tiles, int row) {
    return reinterpret_cast<float*>(tile(tiles, row) + values_bytes(tiles.k)) + row % kTileRows;
  }
  // Stores four steps, 16 consecutive values.
  static void store(RowTiles tiles, int row, int column, const std::byte* steps) {
    std::byte* to =
        tile(tiles, row) + (std::int64_t{column} / 4 * kTileRows + row % kTileRows) * Bytes::kStepBytes;
    for (int i = 0; i < 4; ++i) {
      __builtin_memcpy(to + i * kTileRows * Bytes::kStepBytes, steps + i * Bytes::kStepBytes,
                       Bytes::kStepBytes);
    }
  }
};

// Rotates one run of Count vectors, as turn_row does, and leaves it in `to`.
template <class V, class Bytes, int Count>
inline void turn_run(typename V::Vec (&run)[Count], float* to, typename Bytes::Ints& largest) {
#pragma GCC unroll 8
  for (int distance = Count / 2; distance > 0; distance /= 2) {
#pragma GCC unroll 8
    for (int i = 0; i < Count; ++i) {
      if ((i & distance) != 0) continue;
      const typename V::Vec a = run[i], b = run[i + distance];
      run[i] = V::add(a, b);
      run[i + distance] = V::sub(a, b);
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < Count; ++i) {
    const typename V::Vec turned = Bytes::turn_vector(run[i]);
    largest = Bytes::larger(largest, turned);
    V::store(to + i * V::kWidth, turned);
  }
}

// `of(i)` returns kWidth values of the row from column i.
template <class V, class Bytes, int Columns, class Values>
inline typename Bytes::Ints turn_runs(const Values& of, std::int32_t k, float* to) {
  constexpr int kCount = Columns / V::kWidth;
  typename Bytes::Ints largest = Bytes::zero();
  for (std::int32_t i = 0; i < k; i += Columns) {
    typename V::Vec run[kCount];
#pragma GCC unroll 8
    for (int j = 0; j < kCount; ++j) run[j] = of(i + j * V::kWidth);
    turn_run<V, Bytes, kCount>(run, to + i, largest);
  }
  return largest;
}

// REQUIRES: tiles.k is a multiple of 16 and at most kMaxInt8Columns. A value that is not finite makes the
// scale not finite.
template <class V, class Bytes, class Tiles, class Values>
inline void quantize_row(const Values& of, RowTiles tiles, int row) {
  alignas(64) float turned[kMaxInt8Columns];
  const std::int32_t columns = turned_columns(tiles.k);
  const typename Bytes::Ints largest_bits = columns == 64   ? turn_runs<V, Bytes, 64>(of, tiles.k, turned)
                                            : columns == 32 ? turn_runs<V, Bytes, 32>(of, tiles.k, turned)
                                                            : turn_runs<V, Bytes, 16>(of, tiles.k, turned);
  const float largest = Bytes::largest(largest_bits);
  const float scale = largest < 1e-30f ? 1.0f : largest / 127.0f;
  const typename V::Vec inverse = V::set1(1.0f / scale);
  *Tiles::scales(tiles, row) = scale / std::sqrt(static_cast<float>(columns));
  for (std::int32_t i = 0; i < tiles.k; i += 16) {
    alignas(32) std::byte steps[4 * Bytes::kStepBytes];
    Bytes::store_steps(turned + i, inverse, steps);
    Tiles::store(tiles, row, i, steps);
  }
}

template <class V, class Bytes, class Tiles>
void quantize_plain_row(const float* from, RowTiles to, std::int32_t row) {
  quantize_row<V, Bytes, Tiles>([from](std::int32_t i) { return V::load(from + i); }, to, row);
}

template <class V, class Bytes, class Tiles, class Staged>
void quantize_staged_row(std::byte* rows, RowTiles to, std::int32_t row) {
  const auto* from = Staged::at({rows, to.k}, row, 0);
  quantize_row<V, Bytes, Tiles>([from](std::int32_t i) { return Staged::load(from + i); }, to, row);
}

}  // namespace
}  // namespace rerank::cpu
