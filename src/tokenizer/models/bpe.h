// Byte pair encoding of one pre-token, from bytes or symbols to token ids: applies the merge with the lowest
// rank first, and the leftmost of equal ranks.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace rerank {

// Safe from any number of reading threads at once.
class MergeTable {
 public:
  explicit MergeTable(size_t num_merges);

  struct Merge {
    int32_t rank;
    int32_t id;  // of the merged token
  };
  static constexpr int32_t kNoRank = INT32_MAX;

  // If a pair is set twice, the later one counts, as in the Hugging Face library. REQUIRES: ids are not
  // negative; at most num_merges calls.
  void set(int32_t left, int32_t right, Merge merge);

  // {kNoRank, -1} if the pair does not merge.
  Merge find(int32_t left, int32_t right) const {
    uint64_t key = key_of(left, right);
    for (size_t slot = slot_of(key);; slot = (slot + 1) & mask_) {
      if (slots_[slot].key == key) return slots_[slot].merge;
      if (slots_[slot].key == kEmpty) return {kNoRank, -1};
    }
  }

 private:
  struct Slot {
    uint64_t key;
    Merge merge;
  };
  static constexpr uint64_t kEmpty = UINT64_MAX;

  static uint64_t key_of(int32_t left, int32_t right) {
    return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
  }
  size_t slot_of(uint64_t key) const { return ((key ^ key >> 29) * 0x9E3779B97F4A7C15u) >> shift_; }

  std::vector<Slot> slots_;  // open addressing, a power of two
  size_t mask_;
  int shift_;
};

// Appends the ids of a pre-token, starting from one token for each byte. Takes time O(n log n).
void append_merged(std::string_view bytes, const std::array<int32_t, 256>& byte_ids, const MergeTable& merges,
                   std::vector<int32_t>& ids);
// The same, starting from any symbols.
void append_merged(std::span<const int32_t> symbols, const MergeTable& merges, std::vector<int32_t>& ids);

}  // namespace rerank
