// Plain float32 rows in place of row tiles: what attention and the MLP write where the next product's rows
// are quantized, since the scale of a row needs its maximum.
#pragma once

#include <cstdint>

#include "backend/cpu/kernels.h"

namespace rerank::cpu {
namespace {

// [rows][k]
template <class V>
struct StagedRows {
  static float* at(RowTiles rows, int row, int column) {
    return reinterpret_cast<float*>(rows.data) + std::int64_t{row} * rows.k + column;
  }
  static void store(RowTiles rows, int row, int column, typename V::Vec x) {
    V::store(at(rows, row, column), x);
  }
  template <int Columns, class Values>
  static void store_block(RowTiles to, int row, int rows, int column, const Values& values) {
    for (int r = 0; r < rows; ++r) {
      for (int c = 0; c < Columns; c += V::kWidth) store(to, row + r, column + c, values(r, c));
    }
  }
};

}  // namespace
}  // namespace rerank::cpu
