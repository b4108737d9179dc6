// Memory for a request, charged before it is allocated. The implementation decides who counts it and what the
// limit is.
#pragma once

#include <cstddef>
#include <string_view>

namespace rerank::api {

class Allowance {
 public:
  virtual ~Allowance() = default;

  // Throws ApiError, and takes nothing, if the limit would be exceeded.
  virtual void take(std::size_t bytes) = 0;
  virtual void give_back(std::size_t bytes) = 0;
};

// Without a limit, for tests for instance. Safe from any thread.
Allowance& unlimited();

// Memory of a std::string of `size` bytes, including the overhead of its heap block.
constexpr std::size_t held_bytes(std::size_t size) {
  constexpr std::size_t kStringBytes = 32;
  constexpr std::size_t kInlineLetters = 15;
  constexpr std::size_t kHeapBytes = 24;
  return kStringBytes + (size > kInlineLetters ? size + kHeapBytes : 0);
}

}  // namespace rerank::api
