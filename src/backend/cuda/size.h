// Converts counts of kernel arguments to sizes of memory and containers.
#pragma once

#include <cstddef>
#include <cstdint>

namespace rerank::cuda {

// REQUIRES: n >= 0.
constexpr std::size_t size(std::int64_t n) {
  return static_cast<std::size_t>(n);
}

}  // namespace rerank::cuda
