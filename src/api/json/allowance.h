// Room for what a request makes the server hold, asked for before it is held. Who counts it, and against what
// limit, is not decided here.
#pragma once

#include <cstddef>
#include <string_view>

namespace rerank::api {

class Allowance {
 public:
  virtual ~Allowance() = default;

  // Throws ApiError where there is no room: then nothing was taken.
  virtual void take(std::size_t bytes) = 0;
  virtual void give_back(std::size_t bytes) = 0;
};

// For whoever has memory enough, such as tests. Safe from any thread.
Allowance& unlimited();

// What a std::string of `size` letters takes, its heap block's head and rounding included.
constexpr std::size_t held_bytes(std::size_t size) {
  constexpr std::size_t kStringBytes = 32;
  constexpr std::size_t kInlineLetters = 15;
  constexpr std::size_t kHeapBytes = 24;
  return kStringBytes + (size > kInlineLetters ? size + kHeapBytes : 0);
}

}  // namespace rerank::api
