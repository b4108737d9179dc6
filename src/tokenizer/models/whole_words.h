// Remembers which tokens result from merging their own bytes, so that a word equal to such a token need not
// be merged. Nearly all tokens do, but no file guarantees it.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

namespace rerank {

// Safe from any number of threads at once.
class WholeWords {
 public:
  // For ids in [0, id_end).
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
