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

  // One place a word may be, owned by the cache; good until the next call of slot().
  struct alignas(64) Slot {
    uint32_t owner = 0;  // 0 where empty
    uint8_t num_bytes = 0;
    uint8_t num_ids = 0;
    char bytes[kMaxWordBytes];
    int32_t ids[kMaxIds];
  };
  static_assert(sizeof(Slot) == 64, "a slot is one cache line");

  // A number that no other owner has, for the `owner` below.
  static uint32_t new_owner();

  // REQUIRES: 0 < word.size() <= kMaxWordBytes.
  Slot& slot(uint32_t owner, std::string_view word) {
    return slots_[mix_bits(hash_bytes(word), owner) & (kNumSlots - 1)];
  }

  static bool holds(const Slot& slot, uint32_t owner, std::string_view word) {
    return slot.owner == owner && slot.num_bytes == word.size() &&
           std::memcmp(slot.bytes, word.data(), word.size()) == 0;
  }

  // Puts the word into its slot if it has few enough ids. REQUIRES: as slot().
  static void fill(Slot& slot, uint32_t owner, std::string_view word, const int32_t* ids, size_t num_ids);

 private:
  static constexpr size_t kNumSlots = 1 << 14;  // 1 MiB a thread

  std::unique_ptr<Slot[]> slots_ = std::make_unique<Slot[]>(kNumSlots);
};

}  // namespace rerank
