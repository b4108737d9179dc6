// Caches the ids of short pre-tokens. Each thread has its own cache of fixed size, so there are no locks; it
// serves all tokenizers of the process.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

#include "tokenizer/byte_hash.h"

namespace rerank {

class WordCache {
 public:
  // The calling thread's cache.
  static WordCache& of_this_thread();

  static constexpr size_t kMaxWordBytes = 34;
  static constexpr size_t kMaxIds = 6;

  // The two slots a word may be in, owned by the cache. With two slots to choose from, far fewer words evict
  // each other than with one.
  struct alignas(64) Slot {
    uint32_t owner = 0;  // 0: empty
    uint8_t num_bytes = 0;
    uint8_t num_ids = 0;
    char bytes[kMaxWordBytes];
    int32_t ids[kMaxIds];
  };
  static_assert(sizeof(Slot) == 64, "a slot is one cache line");
  struct alignas(128) Pair {
    Slot slots[2];  // the most recently filled first
  };

  // A number unique to its owner, for the `owner` parameters below.
  static uint32_t new_owner();

  // The pair of slots for the word. REQUIRES: 0 < word.size() <= kMaxWordBytes.
  Pair& pair(uint32_t owner, std::string_view word) {
    return pairs_[mix_bits(hash_bytes(word), owner) & (kNumPairs - 1)];
  }

  // nullptr if the word is not in the pair.
  static const Slot* find(const Pair& pair, uint32_t owner, std::string_view word) {
    for (const Slot& slot : pair.slots) {
      if (slot.owner == owner && slot.num_bytes == word.size() &&
          std::memcmp(slot.bytes, word.data(), word.size()) == 0) {
        return &slot;
      }
    }
    return nullptr;
  }

  // Stores the word in its pair, replacing the older slot, if it has few enough ids. REQUIRES: as pair(), and
  // find returns nullptr.
  static void fill(Pair& pair, uint32_t owner, std::string_view word, const int32_t* ids, size_t num_ids);

 private:
  static constexpr size_t kNumPairs = 1 << 13;  // 1 MiB a thread

  std::unique_ptr<Pair[]> pairs_ = std::make_unique<Pair[]>(kNumPairs);
};

}  // namespace rerank
