// Remembers the ids of short pre-tokens that were met before. Each thread has its own, bounded, so that no
// lock stands between threads; it serves every tokenizer of the process.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

#include "tokenizer/byte_hash.h"

namespace rerank {

class WordCache {
 public:
  // The calling thread's own.
  static WordCache& of_this_thread();

  static constexpr size_t kMaxWordBytes = 34;
  static constexpr size_t kMaxIds = 6;

  // The two places a word may be, owned by the cache. Of twice as many words as there are places for one
  // each, far fewer drive each other out.
  struct alignas(64) Slot {
    uint32_t owner = 0;  // 0 where empty
    uint8_t num_bytes = 0;
    uint8_t num_ids = 0;
    char bytes[kMaxWordBytes];
    int32_t ids[kMaxIds];
  };
  static_assert(sizeof(Slot) == 64, "a slot is one cache line");
  struct alignas(128) Pair {
    Slot slots[2];  // the one filled last first
  };

  // A number that no other owner has, for the `owner` below.
  static uint32_t new_owner();

  // Where the word is, if it is kept. REQUIRES: 0 < word.size() <= kMaxWordBytes.
  Pair& pair(uint32_t owner, std::string_view word) {
    return pairs_[mix_bits(hash_bytes(word), owner) & (kNumPairs - 1)];
  }

  // nullptr where it is not.
  static const Slot* find(const Pair& pair, uint32_t owner, std::string_view word) {
    for (const Slot& slot : pair.slots) {
      if (slot.owner == owner && slot.num_bytes == word.size() &&
          std::memcmp(slot.bytes, word.data(), word.size()) == 0) {
        return &slot;
      }
    }
    return nullptr;
  }

  // Keeps the word in its pair, in place of the one filled longest ago, if it has few enough ids. REQUIRES:
  // as pair(), and find gives nullptr.
  static void fill(Pair& pair, uint32_t owner, std::string_view word, const int32_t* ids, size_t num_ids);

 private:
  static constexpr size_t kNumPairs = 1 << 13;  // 1 MiB a thread

  std::unique_ptr<Pair[]> pairs_ = std::make_unique<Pair[]>(kNumPairs);
};

}  // namespace rerank
