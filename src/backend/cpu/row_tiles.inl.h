// Element-wise pieces of the CPU kernels for any vector type: reading and writing row tiles, norms, rotation,
// exp.
#pragma once

#include <cmath>
#include <cstdint>

#include "backend/cpu/kernels.h"

namespace rerank::cpu {
namespace {

// The element type of row tiles: float in float32 arithmetic, Bits16 in bfloat16 arithmetic.
using Bits16 = std::uint16_t;

template <class V, class Row>
inline Row* tile_row(RowTiles tiles, int row) {
  const int pair = sizeof(Row) == 2 ? 2 : 1;
  return reinterpret_cast<Row*>(tiles.data) + std::int64_t{row / V::kTileRows} * tiles.k * V::kTileRows +
         (row % V::kTileRows) * pair;
}

// Puts kWidth consecutive values of a row into its tile. REQUIRES: column is a multiple of 2.
template <class V, class Row>
inline void store_in_tile(RowTiles tiles, int row, int column, typename V::Vec x) {
  Row* to = tile_row<V, Row>(tiles, row) + std::int64_t{column} * V::kTileRows;
  if constexpr (sizeof(Row) == 2) {
    alignas(32) std::uint32_t pairs[V::kWidth / 2];
    V::store_bfloat16(reinterpret_cast<Bits16*>(pairs), x);
    for (int i = 0; i < V::kWidth / 2; ++i) reinterpret_cast<std::uint32_t*>(to)[i * V::kTileRows] = pairs[i];
  } else {
    alignas(64) float values[V::kWidth];
    V::store(values, x);
    for (int i = 0; i < V::kWidth; ++i) to[i * V::kTileRows] = values[i];
  }
}

// e^x to within 2 ulp for x <= 88; exactly 0 below -87 (so also for -inf) and exactly 1 at 0. x is clamped
// at 88.
template <class V>
inline typename V::Vec exponential(typename V::Vec x) {
  using Vec = typename V::Vec;
  const Vec lowest = V::set1(-87.0f);
  const Vec clamped = V::min(V::max(x, lowest), V::set1(88.0f));
  const Vec n = V::round(V::mul(clamped, V::set1(1.44269504f)));
  // ln 2 in two parts, so that the remainder is exact.
  Vec r = V::fma(n, V::set1(-0.693359375f), clamped);
  r = V::fma(n, V::set1(2.12194440e-4f), r);
  Vec p = V::set1(1.0f / 5040);
  p = V::fma(p, r, V::set1(1.0f / 720));
  p = V::fma(p, r, V::set1(1.0f / 120));
  p = V::fma(p, r, V::set1(1.0f / 24));
  p = V::fma(p, r, V::set1(1.0f / 6));
  p = V::fma(p, r, V::set1(0.5f));
  p = V::fma(p, r, V::set1(1.0f));
  p = V::fma(p, r, V::set1(1.0f));
  return V::keep_where_not_less(V::scale_by_power_of_two(p, n), x, lowest);
}

// 1 / sqrt(mean(x^2) + eps)
template <class V>
inline float inverse_rms(const float* x, int k, float eps) {
  typename V::Vec squares = V::zero();
  for (int i = 0; i < k; i += V::kWidth) {
    const typename V::Vec v = V::load(x + i);
    squares = V::fma(v, v, squares);
  }
  return 1.0f / std::sqrt(V::sum(squares) / static_cast<float>(k) + eps);
}

template <class V, class Row>
void norm(const NormTask& task) {
  const int k = task.tiles.k;
  for (int row = task.first_row; row < task.end_row; ++row) {
    const float* x = task.x + std::int64_t{row} * k;
    const typename V::Vec scale = V::set1(inverse_rms<V>(x, k, task.eps));
    for (int i = 0; i < k; i += V::kWidth) {
      store_in_tile<V, Row>(task.tiles, row, i,
                            V::mul(V::load(task.weight + i), V::mul(V::load(x + i), scale)));
    }
  }
}

// The second half of a head rotates with the first: (a, b) -> (a cos - b sin, b cos + a sin). Half a head of
// 16 is less than a vector of AVX-512.
template <class V, bool WithNorm>
void rope(const RopeTask& task) {
  const int half = task.head_dim / 2;
  for (int head = 0; head < task.num_heads; ++head) {
    float* x = task.x + std::int64_t{head} * task.head_dim;
    float scale = 1.0f;
    if constexpr (WithNorm) scale = inverse_rms<V>(x, task.head_dim, task.eps);
    int i = 0;
    for (; i + V::kWidth <= half; i += V::kWidth) {
      typename V::Vec a = V::load(x + i), b = V::load(x + half + i);
      if constexpr (WithNorm) {
        a = V::mul(V::load(task.weight + i), V::mul(a, V::set1(scale)));
        b = V::mul(V::load(task.weight + half + i), V::mul(b, V::set1(scale)));
      }
      const typename V::Vec cosine = V::load(task.cosine + i), sine = V::load(task.sine + i);
      V::store(x + i, V::sub(V::mul(a, cosine), V::mul(b, sine)));
      V::store(x + half + i, V::add(V::mul(b, cosine), V::mul(a, sine)));
    }
    for (; i < half; ++i) {
      float a = x[i], b = x[half + i];
      if constexpr (WithNorm) {
        a = task.weight[i] * (a * scale);
        b = task.weight[half + i] * (b * scale);
      }
      x[i] = a * task.cosine[i] - b * task.sine[i];
      x[half + i] = b * task.cosine[i] + a * task.sine[i];
    }
  }
}

template <class V>
float score(const float* x, const float* norm_weight, const float* row, std::int32_t k, float eps) {
  const typename V::Vec scale = V::set1(inverse_rms<V>(x, k, eps));
  typename V::Vec sum = V::zero();
  for (int i = 0; i < k; i += V::kWidth) {
    sum = V::fma(V::mul(V::load(norm_weight + i), V::mul(V::load(x + i), scale)), V::load(row + i), sum);
  }
  return V::sum(sum);
}

template <class V, class Row>
void store_kv(const float* from, void* to, std::int32_t count) {
  for (int i = 0; i < count; i += V::kWidth) {
    if constexpr (sizeof(Row) == 2) {
      V::store_bfloat16(static_cast<Bits16*>(to) + i, V::load(from + i));
    } else {
      V::store(static_cast<float*>(to) + i, V::load(from + i));
    }
  }
}

template <class V, class Row>
void pack_row(const float* from, RowTiles to, std::int32_t row) {
  for (int i = 0; i < to.k; i += V::kWidth) store_in_tile<V, Row>(to, row, i, V::load(from + i));
}

template <class V, class Row>
void unpack_row(RowTiles from, std::int32_t row, float* to) {
  const Row* x = tile_row<V, Row>(from, row);
  for (int i = 0; i < from.k; ++i) {
    if constexpr (sizeof(Row) == 2) {
      const std::uint32_t bits = std::uint32_t{x[(i / 2) * 2 * V::kTileRows + i % 2]} << 16;
      __builtin_memcpy(to + i, &bits, sizeof(bits));
    } else {
      to[i] = x[std::int64_t{i} * V::kTileRows];
    }
  }
}

}  // namespace
}  // namespace rerank::cpu
