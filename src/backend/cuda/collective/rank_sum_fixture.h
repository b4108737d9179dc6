// Random products of several ranks, and their expected sums. For tests only.
#pragma once

#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "backend/cuda/collective/rank_sum.h"
#include "backend/cuda/size.h"
#include "base/data_type.h"

namespace rerank::cuda {

using Numbers = std::vector<BFloat16>;

struct RankProducts {
  std::int32_t num_rows, hidden;
  std::vector<Numbers> ranks;  // [num_ranks][num_rows, hidden]

  RankProducts(std::int32_t num_ranks, std::int32_t rows, std::int32_t columns, std::uint32_t seed)
      : num_rows(rows), hidden(columns), ranks(size(num_ranks), Numbers(size(std::int64_t{rows} * columns))) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal;
    for (Numbers& numbers : ranks) {
      for (BFloat16& number : numbers) number = to_bfloat16(normal(random));
    }
    // Large values that cancel out, so that the order of a float32 sum matters.
    if (num_ranks > 2) {
      for (std::size_t i = 0; i < ranks.front().size(); i += 8) {
        ranks.front()[i] = to_bfloat16(std::ldexp(normal(random), 20));
        ranks.back()[i] = to_bfloat16(-to_float(ranks.front()[i]));
      }
    }
  }

  // Copies row `from_row` of another's products to `row` of these.
  void copy_row(const RankProducts& from, std::int32_t from_row, std::int32_t row) {
    for (std::size_t rank = 0; rank < ranks.size(); ++rank) {
      std::memcpy(&ranks[rank][size(std::int64_t{row} * hidden)],
                  &from.ranks[rank][size(std::int64_t{from_row} * hidden)], 2 * size(hidden));
    }
  }

  // In float32, one rank after the other starting at `first`, rounded once.
  Numbers sum(std::size_t first = 0) const {
    Numbers sums(ranks.front().size());
    for (std::size_t i = 0; i < sums.size(); ++i) {
      float sum = to_float(ranks[first][i]);
      for (std::size_t next = 1; next < ranks.size(); ++next) {
        sum += to_float(ranks[(first + next) % ranks.size()][i]);
      }
      sums[i] = to_bfloat16(sum);
    }
    return sums;
  }
  // The sum as NCCL's ring computes it, which passes on bfloat16.
  Numbers ring_sum(std::size_t first) const {
    Numbers sums = ranks[first];
    for (std::size_t next = 1; next < ranks.size(); ++next) {
      for (std::size_t i = 0; i < sums.size(); ++i) {
        sums[i] = to_bfloat16(to_float(sums[i]) + to_float(ranks[(first + next) % ranks.size()][i]));
      }
    }
    return sums;
  }
};

inline std::size_t count_different(const Numbers& a, const Numbers& b) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < a.size(); ++i) count += a[i].bits != b[i].bits ? 1 : 0;
  return count;
}

}  // namespace rerank::cuda
