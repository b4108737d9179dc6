// The rarely used half of the word cache: creating one and filling a slot.
#include "tokenizer/word_cache.h"

#include <algorithm>
#include <atomic>

namespace rerank {

WordCache& WordCache::of_this_thread() {
  static thread_local WordCache cache;
  return cache;
}

uint32_t WordCache::new_owner() {
  static std::atomic<uint32_t> last{0};
  return ++last;
}

void WordCache::fill(Pair& pair, uint32_t owner, std::string_view word, const int32_t* ids, size_t num_ids) {
  if (num_ids > kMaxIds) return;
  pair.slots[1] = pair.slots[0];
  Slot& slot = pair.slots[0];
  slot.owner = owner;
  slot.num_bytes = static_cast<uint8_t>(word.size());
  slot.num_ids = static_cast<uint8_t>(num_ids);
  std::copy(word.begin(), word.end(), slot.bytes);
  std::copy(ids, ids + num_ids, slot.ids);
}

}  // namespace rerank
