// Causal attention for any vector type: an online softmax over tiles of 64 keys that start at multiples of 64
// in absolute position. A query's sums run over the same tiles in the same order however its prompt is cut,
// shared or batched: keys after it have a weight of exactly 0, and adding 0 changes no bit.
#pragma once

#include <cmath>
#include <limits>

#include "backend/cpu/functions.inl.h"
#include "backend/cpu/gemm.inl.h"
#include "backend/cpu/kernels.h"
#include "backend/cpu/row_tiles.inl.h"

namespace rerank::cpu {
namespace {

// Views into AttentionTask::scratch, all float32. `queries` below is num_rows * group, rounded up to whole
// tiles.
struct AttentionScratch {
  float* keys;     // [2][head_dim][32], of the tile, transposed
  float* values;   // [value panels][64][32], of the tile; columns past head_dim are never stored
  float* queries;  // [tiles][head_dim][tile_rows], scaled
  float* sums;     // [queries, head_dim]
  float* largest;  // [queries]
  float* weight;   // [queries]

  AttentionScratch(std::byte* memory, int head_dim, int num_queries) {
    float* p = reinterpret_cast<float*>(memory);
    keys = p;
    values = keys + kKeyTile * head_dim;
    queries = values + kKeyTile * ((head_dim + kPanelColumns - 1) / kPanelColumns * kPanelColumns);
    sums = queries + std::int64_t{num_queries} * head_dim;
    largest = sums + std::int64_t{num_queries} * head_dim;
    weight = largest + num_queries;
  }
};

template <class V, class Row>
inline typename V::Vec load_kv(const void* p, std::int64_t index) {
  if constexpr (sizeof(Row) == 2) {
    return V::load_bfloat16(static_cast<const Bits16*>(p) + index);
  } else {
    return V::load(static_cast<const float*>(p) + index);
  }
}

// Loads the tile that starts at `position`; keys that do not exist are 0.
template <class V, class Row>
void gather_tile(const AttentionTask& task, int position, AttentionScratch& scratch) {
  int run = 0, before = 0;
  while (run < task.num_runs && before + task.runs[run].num_tokens <= position)
    before += task.runs[run++].num_tokens;
  for (int i = 0; i < kKeyTile; ++i) {
    while (run < task.num_runs && position + i - before >= task.runs[run].num_tokens) {
      before += task.runs[run++].num_tokens;
    }
    const bool exists = run < task.num_runs;
    const std::int64_t at = exists ? (position + i - before) * task.kv_stride : 0;
    float* key = scratch.keys + (i / kPanelColumns) * task.head_dim * kPanelColumns + i % kPanelColumns;
    for (int d = 0; d < task.head_dim; d += V::kWidth) {
      alignas(64) float column[V::kWidth];
      V::store(column, exists ? load_kv<V, Row>(task.runs[run].keys, at + d) : V::zero());
      for (int j = 0; j < V::kWidth; ++j) key[(d + j) * kPanelColumns] = column[j];
      float* value =
          scratch.values + ((d / kPanelColumns) * kKeyTile + i) * kPanelColumns + d % kPanelColumns;
      V::store(value, exists ? load_kv<V, Row>(task.runs[run].values, at + d) : V::zero());
    }
  }
}

// Query q of the task is row q / group, head q % group.
template <class V>
void load_queries(const AttentionTask& task, int num_queries, AttentionScratch& scratch) {
  const typename V::Vec scale = V::set1(1.0f / std::sqrt(static_cast<float>(task.head_dim)));
  const RowTiles tiles{reinterpret_cast<std::byte*>(scratch.queries), task.head_dim};
  for (int q = 0; q < num_queries; ++q) {
    const float* from =
        task.queries + (q / task.group) * task.query_stride + (q % task.group) * task.head_dim;
    for (int d = 0; d < task.head_dim; d += V::kWidth) {
      TilesOf<V, float>::store(tiles, q, d, V::mul(V::load(from + d), scale));
      V::store(scratch.sums + std::int64_t{q} * task.head_dim + d, V::zero());
    }
    // Not -infinity: a query may see no key of its first tile, and inf - inf is NaN.
    scratch.largest[q] = std::numeric_limits<float>::lowest();
    scratch.weight[q] = 0.0f;
  }
}

// The keys of a tile that a query sees: [first, end).
struct Visible {
  int first;
  int end;

  Visible(const AttentionTask& task, int query_position, int tile_position) {
    const auto in_tile = [](int key) { return key < 0 ? 0 : key > kKeyTile ? kKeyTile : key; };
    first = in_tile(query_position - task.reach_back - tile_position);
    end = in_tile(query_position + 1 - tile_position);
  }
};

// Softmax of a tile: turns the scores of one query with 64 keys into weights, in place, and returns the
// factor for its earlier sums.
template <class V>
float soften(float* scores, const Visible& visible, float& largest, float& weight) {
  for (int i = 0; i < visible.first; ++i) scores[i] = -std::numeric_limits<float>::infinity();
  for (int i = visible.end; i < kKeyTile; ++i) scores[i] = -std::numeric_limits<float>::infinity();
  typename V::Vec most = V::load(scores);
  for (int i = V::kWidth; i < kKeyTile; i += V::kWidth) most = V::max(most, V::load(scores + i));
  const float tile_largest = V::largest(most);
  const float new_largest = tile_largest > largest ? tile_largest : largest;
  typename V::Vec total = V::zero();
  for (int i = 0; i < kKeyTile; i += V::kWidth) {
    const typename V::Vec p = exponential<V>(V::sub(V::load(scores + i), V::set1(new_largest)));
    V::store(scores + i, p);
    total = V::add(total, p);
  }
  alignas(64) float factor[V::kWidth];
  V::store(factor, exponential<V>(V::set1(largest - new_largest)));
  largest = new_largest;
  weight = weight * factor[0] + V::sum(total);
  return factor[0];
}

// Processes one tile of queries with the gathered keys.
template <class V>
void attend_tile(const AttentionTask& task, int position, int first_query, int rows,
                 AttentionScratch& scratch) {
  constexpr int kRows = V::kTileRows;
  alignas(64) float half[2][kRows * kPanelColumns];
  alignas(64) float scores[kKeyTile];
  alignas(64) float weights[kKeyTile * kRows];  // a row tile: [64][kRows]
  float factors[kRows];
  const float* queries = scratch.queries + std::int64_t{first_query} * task.head_dim;
  for (int h = 0; h < 2; ++h) {
    multiply_rows<V, MultiplyFloat32<V>>(
        rows, queries, reinterpret_cast<const std::byte*>(scratch.keys + h * task.head_dim * kPanelColumns),
        task.head_dim, half[h]);
  }
  for (int r = 0; r < rows; ++r) {
    for (int i = 0; i < kPanelColumns; i += V::kWidth) {
      V::store(scores + i, V::load(half[0] + r * kPanelColumns + i));
      V::store(scores + kPanelColumns + i, V::load(half[1] + r * kPanelColumns + i));
    }
    const int q = first_query + r;
    const Visible visible(task, task.first_position + q / task.group, position);
    factors[r] = soften<V>(scores, visible, scratch.largest[q], scratch.weight[q]);
    for (int i = 0; i < kKeyTile; ++i) weights[i * kRows + r] = scores[i];
  }
  for (int d = 0; d < task.head_dim; d += kPanelColumns) {
    multiply_rows<V, MultiplyFloat32<V>>(
        rows, weights, reinterpret_cast<const std::byte*>(scratch.values + d * kKeyTile), kKeyTile, half[0]);
    const int columns = task.head_dim - d < kPanelColumns ? task.head_dim - d : kPanelColumns;
    for (int r = 0; r < rows; ++r) {
      float* sums = scratch.sums + std::int64_t{first_query + r} * task.head_dim + d;
      for (int i = 0; i < columns; i += V::kWidth) {
        V::store(sums + i,
                 V::fma(V::load(sums + i), V::set1(factors[r]), V::load(half[0] + r * kPanelColumns + i)));
      }
    }
  }
}

// `Row` is the format of keys, `Out` the layout of the output.
template <class V, class Row, class Out>
void attention(const AttentionTask& task) {
  const int num_queries = task.num_rows * task.group;
  const int padded = (num_queries + V::kTileRows - 1) / V::kTileRows * V::kTileRows;
  AttentionScratch scratch(task.scratch, task.head_dim, padded);
  load_queries<V>(task, num_queries, scratch);
  const int end = task.first_position + task.num_rows;
  const int first = task.first_position - task.reach_back;
  for (int position = first < 0 ? 0 : first / kKeyTile * kKeyTile; position < end; position += kKeyTile) {
    gather_tile<V, Row>(task, position, scratch);
    for (int q = 0; q < num_queries; q += V::kTileRows) {
      const int rows = num_queries - q < V::kTileRows ? num_queries - q : V::kTileRows;
      // No query of this tile sees any of these keys: sums would be multiplied by 1 and increased by 0.
      if (task.first_position + (q + rows - 1) / task.group < position) continue;
      if (task.first_position + q / task.group - task.reach_back >= position + kKeyTile) continue;
      attend_tile<V>(task, position, q, rows, scratch);
    }
  }
  for (int q = 0; q < num_queries; ++q) {
    const typename V::Vec inverse = V::set1(1.0f / scratch.weight[q]);
    const int column = task.first_column + (q % task.group) * task.head_dim;
    for (int d = 0; d < task.head_dim; d += V::kWidth) {
      Out::store(task.out, task.first_row + q / task.group, column + d,
                 V::mul(V::load(scratch.sums + std::int64_t{q} * task.head_dim + d), inverse));
    }
  }
}

}  // namespace
}  // namespace rerank::cpu
