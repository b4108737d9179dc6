// Row-wise steps of the CPU kernels, for any vector type: norms, heads, keys and values.
#pragma once

#include <cmath>
#include <cstdint>

#include "backend/cpu/kernels.h"
#include "backend/cpu/row_tiles.inl.h"

namespace rerank::cpu {
namespace {

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

// x * scale * weight
template <class V>
struct RmsNorm {
  typename V::Vec scale;
  const float* weight;

  RmsNorm() = default;
  RmsNorm(const NormTask& task, const float* x)
      : scale(V::set1(inverse_rms<V>(x, task.k, task.eps))), weight(task.weight) {}
  typename V::Vec of(const float* x, int i) const {
    return V::mul(V::load(weight + i), V::mul(V::load(x + i), scale));
  }
};

// (x - mean) * scale * weight + bias; the variance is the mean of (x - mean)^2.
template <class V>
struct LayerNorm {
  typename V::Vec mean, scale;
  const float* weight;
  const float* bias;

  LayerNorm() = default;
  LayerNorm(const NormTask& task, const float* x) : weight(task.weight), bias(task.bias) {
    const auto count = static_cast<float>(task.k);
    typename V::Vec sum = V::zero(), squares = V::zero();
    for (int i = 0; i < task.k; i += V::kWidth) sum = V::add(sum, V::load(x + i));
    mean = V::set1(V::sum(sum) / count);
    for (int i = 0; i < task.k; i += V::kWidth) {
      const typename V::Vec v = V::sub(V::load(x + i), mean);
      squares = V::fma(v, v, squares);
    }
    scale = V::set1(1.0f / std::sqrt(V::sum(squares) / count + task.eps));
  }
  typename V::Vec of(const float* x, int i) const {
    return V::fma(V::mul(V::sub(V::load(x + i), mean), scale), V::load(weight + i), V::load(bias + i));
  }
};

enum class NormTarget { kTiles, kRows, kBoth };

// REQUIRES for tiles: first_row is the first of a tile, and k is a multiple of 32.
template <class V, class Row, class Kind, NormTarget Target>
void norm(const NormTask& task) {
  const auto at = [&task](auto* rows, int row) { return rows + std::int64_t{row} * task.k; };
  if constexpr (Target == NormTarget::kRows) {
    for (int row = task.first_row; row < task.end_row; ++row) {
      const float* x = at(task.x, row);
      const Kind kind(task, x);
      for (int i = 0; i < task.k; i += V::kWidth) V::store(at(task.out, row) + i, kind.of(x, i));
    }
    return;
  }
  for (int first = task.first_row; first < task.end_row; first += V::kTileRows) {
    const int rows = task.end_row - first < V::kTileRows ? task.end_row - first : V::kTileRows;
    Kind kinds[V::kTileRows];
    for (int r = 0; r < rows; ++r) kinds[r] = Kind(task, at(task.x, first + r));
    for (int column = 0; column < task.k; column += kPanelColumns) {
      TilesOf<V, Row>::template store_block<kPanelColumns>(
          task.tiles, first, rows, column, [&](int r, int c) {
            const typename V::Vec normed = kinds[r].of(at(task.x, first + r), column + c);
            if constexpr (Target == NormTarget::kBoth) V::store(at(task.out, first + r) + column + c, normed);
            return normed;
          });
    }
  }
}

// The second half of a head is rotated with the first: (a, b) -> (a cos - b sin, b cos + a sin). Half a head
// of 16 is less than a vector of AVX-512.
template <class V, bool WithNorm, bool WithRotation>
void finish_heads(const HeadTask& task) {
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
      if constexpr (WithRotation) {
        const typename V::Vec cosine = V::load(task.cosine + i), sine = V::load(task.sine + i);
        const typename V::Vec turned = V::sub(V::mul(a, cosine), V::mul(b, sine));
        b = V::add(V::mul(b, cosine), V::mul(a, sine));
        a = turned;
      }
      V::store(x + i, a);
      V::store(x + half + i, b);
    }
    for (; i < half; ++i) {
      float a = x[i], b = x[half + i];
      if constexpr (WithNorm) {
        a = task.weight[i] * (a * scale);
        b = task.weight[half + i] * (b * scale);
      }
      x[i] = WithRotation ? a * task.cosine[i] - b * task.sine[i] : a;
      x[half + i] = WithRotation ? b * task.cosine[i] + a * task.sine[i] : b;
    }
  }
}

template <class V>
float dot(const float* x, const float* row, std::int32_t k) {
  typename V::Vec sum = V::zero();
  for (int i = 0; i < k; i += V::kWidth) sum = V::fma(V::load(x + i), V::load(row + i), sum);
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

}  // namespace
}  // namespace rerank::cpu
