// Attention in the arithmetic of the matrix products, for any vector type: the scores of a block of 256 keys
// are computed before its softmax. Blocks start at multiples of 256 positions, and keys that a query does not
// see have a weight of exactly 0, so a query's sums depend only on its prompt.
#pragma once

#include <cmath>
#include <limits>
#include <type_traits>

#include "backend/cpu/functions.inl.h"
#include "backend/cpu/gemm.inl.h"
#include "backend/cpu/kernels.h"
#include "backend/cpu/row_tiles.inl.h"

namespace rerank::cpu {
namespace {

// The distance between rows of a tile, in elements: constant, so that the broadcasts of a product have
// constant offsets, and not a power of two, so that rows do not share cache sets.
constexpr int kTileStride = kPromptTileStride;
static_assert(kTileStride >= kPromptBlock && kTileStride >= kMaxHeadDim);

// A tile of rows, `kTileStride` apart, times a panel of 32 columns: out = [Rows][32] at `out_stride`.
template <class V, class Multiply, int Rows>
void multiply_strided(const void* row_tile, const std::byte* panel, int k, float* out, int out_stride) {
  constexpr int kPass = 2 * V::kWidth;
  for (int column = 0; column < kPanelColumns; column += kPass) {
    typename V::Vec sums[Rows][2];
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r) sums[r][0] = sums[r][1] = V::zero();
    const auto* rows = static_cast<const typename Multiply::Row*>(row_tile);
    const std::byte* weights = panel + column * 4;
    for (int step = 0; step < k / Multiply::kStep; ++step) {
      Multiply::template step<Rows, kTileStride / Multiply::kStep>(rows, weights, sums);
      rows += Multiply::kStep;
      weights += kPanelColumns * 4;
    }
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r) {
      V::store(out + r * out_stride + column, sums[r][0]);
      V::store(out + r * out_stride + column + V::kWidth, sums[r][1]);
    }
  }
}

using MultiplyStrided = void (*)(const void*, const std::byte*, int, float*, int);

template <class V, class Multiply, int... Rows>
MultiplyStrided choose_strided(int rows, std::integer_sequence<int, Rows...>) {
  static constexpr MultiplyStrided kTiles[] = {&multiply_strided<V, Multiply, Rows + 1>...};
  return kTiles[rows - 1];
}

// Products in vector registers.
template <class V, class Multiply>
struct VectorAttend : Multiply {
  static constexpr bool kCausal = false;  // causal attention has sums of its own, in float32
  static constexpr int kDepth = Multiply::kStep;
  struct Setup {};

  static void multiply(int rows, const void* row_tile, const std::byte* panel, int k, float* out,
                       int out_stride) {
    choose_strided<V, Multiply>(rows, std::make_integer_sequence<int, V::kTileRows>())(row_tile, panel, k,
                                                                                       out, out_stride);
  }
};

// A range of keys within a block; multiples of 32 unless noted otherwise.
struct KeySpan {
  int first;
  int end;
};

// `Attend` multiplies `kDepth` values of k at a time; `Out` is the layout of the output.
template <class V, class Attend, class Out>
class PromptAttention {
 public:
  explicit PromptAttention(const AttentionTask& task)
      : task_(task),
        num_queries_(task.num_rows * task.group),
        value_columns_((task.head_dim + kPanelColumns - 1) / kPanelColumns * kPanelColumns),
        depth_((task.head_dim + Attend::kDepth - 1) / Attend::kDepth * Attend::kDepth) {
    std::byte* p = task.scratch;
    const auto take = [&p](std::int64_t count, std::size_t size) {
      std::byte* taken = p;
      p += (count * static_cast<std::int64_t>(size) + 63) / 64 * 64;
      return taken;
    };
    keys_ = take(std::int64_t{kPromptBlock} * depth_, sizeof(Row));
    values_ = take(std::int64_t{kPromptBlock} * value_columns_, sizeof(Row));
    queries_ = reinterpret_cast<Row*>(take(V::kTileRows * kTileStride, sizeof(Row)));
    weights_ = reinterpret_cast<Row*>(take(V::kTileRows * kTileStride, sizeof(Row)));
    scores_ = reinterpret_cast<float*>(take(V::kTileRows * kTileStride, 4));
    sums_ = reinterpret_cast<float*>(take(std::int64_t{num_queries_} * value_columns_, 4));
    largest_ = reinterpret_cast<float*>(take(num_queries_, 4));
    weight_ = reinterpret_cast<float*>(take(num_queries_, 4));
  }

  void run() {
    for (int q = 0; q < num_queries_; ++q) {
      largest_[q] = std::numeric_limits<float>::lowest();  // not -infinity: inf - inf is NaN
      weight_[q] = 0;
    }
    for (std::int64_t i = 0; i < std::int64_t{num_queries_} * value_columns_; i += V::kWidth)
      V::store(sums_ + i, V::zero());
    const int first = visible(0, 0).first, end = visible(num_queries_ - 1, 0).end;
    for (int block = first / kPromptBlock * kPromptBlock; block < end; block += kPromptBlock) {
      pack(block, whole_panels({visible(0, block).first, visible(num_queries_ - 1, block).end}));
      for (int q = 0; q < num_queries_; q += V::kTileRows) {
        const int rows = num_queries_ - q < V::kTileRows ? num_queries_ - q : V::kTileRows;
        const KeySpan span = whole_panels({visible(q, block).first, visible(q + rows - 1, block).end});
        if (span.first < span.end) attend(block, q, rows, span);
      }
    }
    store();
  }

 private:
  using Row = typename Attend::Row;
  using Vec = typename V::Vec;
  static constexpr int kStep = Attend::kStep;

  // The keys that a query sees, relative to `block`. The end is not clipped to the block.
  KeySpan visible(int query, int block) const {
    const int position = task_.first_position + query / task_.group;
    const int past = position + task_.reach_ahead + 1;
    const int first = position - task_.reach_back - block;
    return {first < 0 ? 0 : first, (past < task_.num_keys ? past : task_.num_keys) - block};
  }
  static KeySpan whole_panels(KeySpan span) {
    const int end = span.end < kPromptBlock ? span.end : kPromptBlock;
    return {span.first / kPanelColumns * kPanelColumns,
            (end + kPanelColumns - 1) / kPanelColumns * kPanelColumns};
  }

  // Packs keys as panels of 32 keys, [depth / kStep][32][kStep], and values as panels of 32 columns, [256 /
  // kStep][32][kStep].
  void pack(int block, KeySpan span) {
    const Row* keys[kPromptBlock];  // nullptr: there is no such key
    const Row* values[kPromptBlock];
    find_rows(block, span, keys, values);
    for (int panel = span.first; panel < span.end; panel += kPanelColumns)
      pack_keys(keys + panel, reinterpret_cast<std::uint32_t*>(keys_) + panel * depth_ / kStep);
    for (int key = span.first; key < span.end; key += kStep) {
      const Row* even = values[key];
      const Row* odd = values[key + kStep - 1];
      for (int column = 0; column < task_.head_dim; column += V::kWidth) {
        std::byte* to = values_ + ((column / kPanelColumns * kPromptBlock + key) * kPanelColumns +
                                   column % kPanelColumns * kStep) *
                                      static_cast<std::int64_t>(sizeof(Row));
        Attend::store_values(even != nullptr ? even + column : nullptr,
                             odd != nullptr ? odd + column : nullptr, to);
      }
    }
  }

  void find_rows(int block, KeySpan span, const Row** keys, const Row** values) const {
    int run = 0, before = 0;
    for (int key = span.first; key < span.end; ++key) {
      const int position = block + key;
      while (run < task_.num_runs && position - before >= task_.runs[run].num_tokens)
        before += task_.runs[run++].num_tokens;
      const bool exists = run < task_.num_runs && position < task_.num_keys;
      const std::int64_t at = (position - before) * task_.kv_stride;
      keys[key] = exists ? static_cast<const Row*>(task_.runs[run].keys) + at : nullptr;
      values[key] = exists ? static_cast<const Row*>(task_.runs[run].values) + at : nullptr;
    }
  }

  // 32-bit words of 32 rows, transposed.
  void pack_keys(const Row* const* keys, std::uint32_t* to) const {
    const int num_words = task_.head_dim / kStep, depth_words = depth_ / kStep;
    if constexpr (V::kTransposes) {
      for (int first = 0; first < kPanelColumns; first += 16) {
        for (int word = 0; word < depth_words; word += 16) {
          const int left = num_words - word < 16 ? num_words - word : 16;
          decltype(V::zero_words()) rows[16];
          for (int i = 0; i < 16; ++i) {
            const Row* key = keys[first + i];
            rows[i] = key != nullptr ? V::load_words(key + word * kStep, left) : V::zero_words();
          }
          std::uint32_t* panel = to + word * kPanelColumns + first;
          depth_words - word < 16 ? V::template store_transposed<8>(rows, panel, kPanelColumns, 0, 16)
                                  : V::template store_transposed<16>(rows, panel, kPanelColumns, 0, 16);
        }
      }
    } else {
      for (int word = 0; word < num_words; ++word) {
        for (int key = 0; key < kPanelColumns; ++key) {
          std::uint32_t bits = 0;
          if (keys[key] != nullptr) __builtin_memcpy(&bits, keys[key] + word * kStep, 4);
          to[word * kPanelColumns + key] = bits;
        }
      }
    }
  }

  // Scaled for powers of two.
  void load_queries(int first_query, int rows) {
    const Vec scale = V::set1(1.44269504f / std::sqrt(static_cast<float>(task_.head_dim)));
    for (int r = 0; r < rows; ++r) {
      const int q = first_query + r;
      const float* from =
          task_.queries + (q / task_.group) * task_.query_stride + (q % task_.group) * task_.head_dim;
      for (int d = 0; d < task_.head_dim; d += V::kWidth)
        Attend::store_row(queries_ + r * kTileStride + d, V::mul(V::load(from + d), scale));
      for (int d = task_.head_dim; d < depth_; d += V::kWidth)
        Attend::store_row(queries_ + r * kTileStride + d, V::zero());
    }
  }

  void attend(int block, int first_query, int rows, KeySpan span) {
    float factors[V::kTileRows];
    load_queries(first_query, rows);
    for (int panel = span.first; panel < span.end; panel += kPanelColumns) {
      Attend::multiply(rows, queries_, keys_ + panel * depth_ * static_cast<std::int64_t>(sizeof(Row)),
                       depth_, scores_ + panel, kTileStride);
    }
    for (int r = 0; r < rows; ++r) factors[r] = soften(block, first_query + r, r, span);
    alignas(64) float tile[V::kTileRows * kPanelColumns];
    for (int d = 0; d < value_columns_; d += kPanelColumns) {
      Attend::multiply(
          rows, weights_ + span.first,
          values_ + (d * kPromptBlock + span.first * kPanelColumns) * static_cast<std::int64_t>(sizeof(Row)),
          span.end - span.first, tile, kPanelColumns);
      for (int r = 0; r < rows; ++r) {
        float* sums = sums_ + std::int64_t{first_query + r} * value_columns_ + d;
        for (int i = 0; i < kPanelColumns; i += V::kWidth)
          V::store(sums + i,
                   V::fma(V::load(sums + i), V::set1(factors[r]), V::load(tile + r * kPanelColumns + i)));
      }
    }
  }

  // Softmax of row r: turns its scores into weights and returns the factor for the query's earlier sums.
  float soften(int block, int query, int r, KeySpan span) {
    float* scores = scores_ + r * kTileStride;
    Row* weights = weights_ + r * kTileStride;
    const KeySpan seen = visible(query, block);
    if constexpr (Attend::kCausal) {
      // Only queries beside this one see the block, which depends on how the prompt is cut; 2^0 below is not
      // exactly 1.
      if (seen.first >= span.end || seen.end <= span.first) {
        for (int i = span.first; i < span.end; i += V::kWidth) Attend::store_row(weights + i, V::zero());
        return 1;
      }
    }
    hide(scores, span.first, seen.first < span.end ? seen.first : span.end);
    hide(scores, seen.end > span.first ? seen.end : span.first, span.end);
    Vec most = V::load(scores + span.first);
    for (int i = span.first + V::kWidth; i < span.end; i += V::kWidth)
      most = V::max(most, V::load(scores + i));
    const float block_largest = V::largest(most);
    const float largest = block_largest > largest_[query] ? block_largest : largest_[query];
    const Vec subtracted = V::set1(largest);
    Vec total = V::zero();
    for (int i = span.first; i < span.end; i += V::kWidth) {
      const Vec p = power_of_two_or_zero<V>(V::sub(V::load(scores + i), subtracted));
      Attend::store_row(weights + i, p);
      total = V::add(total, p);
    }
    alignas(64) float factor[V::kWidth];
    V::store(factor, power_of_two_or_zero<V>(V::set1(largest_[query] - largest)));
    largest_[query] = largest;
    weight_[query] = weight_[query] * factor[0] + V::sum(total);
    return factor[0];
  }

  static void hide(float* scores, int first, int end) {
    const Vec hidden = V::set1(-std::numeric_limits<float>::infinity());
    for (; first + V::kWidth <= end; first += V::kWidth) V::store(scores + first, hidden);
    for (; first < end; ++first) scores[first] = -std::numeric_limits<float>::infinity();
  }

  // One head at a time, rows that share a tile together.
  void store() const {
    for (int q = 0; q < num_queries_; ++q) weight_[q] = 1.0f / weight_[q];
    for (int head = 0; head < task_.group; ++head) {
      const int column = task_.first_column + head * task_.head_dim;
      for (int first = 0, rows = 0; first < task_.num_rows; first += rows) {
        const int left = V::kTileRows - (task_.first_row + first) % V::kTileRows;
        rows = task_.num_rows - first < left ? task_.num_rows - first : left;
        const auto store_columns = [&](auto columns, int d) {
          Out::template store_block<columns>(
              task_.out, task_.first_row + first, rows, column + d, [&](int r, int c) {
                const std::int64_t q = (first + r) * task_.group + head;
                return V::mul(V::load(sums_ + q * value_columns_ + d + c), V::set1(weight_[q]));
              });
        };
        int d = 0;
        for (; d + kPanelColumns <= task_.head_dim; d += kPanelColumns)
          store_columns(std::integral_constant<int, kPanelColumns>(), d);
        if (d < task_.head_dim) store_columns(std::integral_constant<int, kHalfPanel>(), d);
      }
    }
  }

  const AttentionTask& task_;
  const int num_queries_;
  const int value_columns_;  // head_dim in whole panels
  const int depth_;          // head_dim in whole steps of a product
  std::byte* keys_;
  std::byte* values_;
  Row* queries_;    // [tile_rows][kTileStride]
  Row* weights_;    // [tile_rows][kTileStride]
  float* scores_;   // [tile_rows][kTileStride]
  float* sums_;     // [queries, value_columns]
  float* largest_;  // [queries]
  float* weight_;   // [queries]
};

template <class V, class Attend, class Out>
void prompt_attention(const AttentionTask& task) {
  [[maybe_unused]] const typename Attend::Setup setup;
  PromptAttention<V, Attend, Out>(task).run();
}

}  // namespace
}  // namespace rerank::cpu
