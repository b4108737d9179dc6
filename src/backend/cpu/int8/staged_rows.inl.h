// Plain rows in place of row tiles: what attention and the MLP write where the next product's rows are
// quantized, since the scale of a row needs its maximum. On AMX they are bfloat16, which takes half as long
// to write and read, elsewhere float32.
#pragma once

#include <cstdint>

#include "backend/cpu/kernels.h"
#include "backend/cpu/row_tiles.inl.h"

namespace rerank::cpu {
namespace {

// [rows][k]
template <class V, class Row>
struct StagedRows {
  static Row* at(RowTiles rows, int row, int column) {
    return reinterpret_cast<Row*>(rows.data) + std::int64_t{row} * rows.k + column;
  }
  static void store(RowTiles rows, int row, int column, typename V::Vec x) {
    if constexpr (sizeof(Row) == 2) {
      V::store_bfloat16(at(rows, row, column), x);
    } else {
      V::store(at(rows, row, column), x);
    }
  }
  static typename V::Vec load(const Row* from) {
    if constexpr (sizeof(Row) == 2) {
      return V::load_bfloat16(from);
    } else {
      return V::load(from);
    }
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
