// Remembers which tokens the merges make of their own bytes, so that a word that is such a token need not be
// merged again. Nearly all tokens are, but no file promises it of one.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

namespace rerank {

// Any number of threads may use one at once.
class WholeWords {
 public:
  // For ids of [0, id_end).
  explicit WholeWords(int32_t id_end) : bits_(static_cast<size_t>(id_end) / kBits + 1) {}

  // Whether the token was added.
  bool holds(int32_t id) const {
    return (bits_[word_of(id)].load(std::memory_order_relaxed) & bit_of(id)) != 0;
  }
  void add(int32_t id) { bits_[word_of(id)].fetch_or(bit_of(id), std::memory_order_relaxed); }

 private:
  static constexpr size_t kBits = 64;
  static size_t word_of(int32_t id) { return static_cast<size_t>(id) / kBits; }
  static uint64_t bit_of(int32_t id) { return uint64_t{1} << static_cast<size_t>(id) % kBits; }

  std::vector<std::atomic<uint64_t>> bits_;
};

}  // namespace rerank
