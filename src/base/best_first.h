// The order of a ranking.
#pragma once

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <vector>

namespace rerank {

// Indices of `scores`, highest first, equal ones in their own order: the first `top_n` of them, 0 meaning
// all.
template <typename Number>
std::vector<std::size_t> best_first(const std::vector<Number>& scores, std::size_t top_n) {
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const std::size_t count = top_n == 0 ? order.size() : std::min(top_n, order.size());
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(),
                    [&scores](std::size_t a, std::size_t b) {
                      return scores[a] != scores[b] ? scores[a] > scores[b] : a < b;
                    });
  order.resize(count);
  return order;
}

}  // namespace rerank
