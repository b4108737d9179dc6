// Two algorithms with the same result: scanning for the lowest rank, which is faster for short words and so
// for most text, and a heap over a linked list, which bounds the time for long words.
#include "tokenizer/models/bpe.h"

#include <algorithm>
#include <bit>
#include <queue>

#include "rerank/error.h"

namespace rerank {
namespace {

constexpr size_t kScanBytes = 32;  // the scan is faster up to here

// Overwrites the symbols.
void merge_by_scan(int32_t* symbols, size_t count, const MergeTable& merges, std::vector<int32_t>& ids) {
  MergeTable::Merge pairs[kScanBytes + 1];  // [count - 1], of symbols i and i + 1
  for (size_t i = 0; i + 1 < count; ++i) pairs[i] = merges.find(symbols[i], symbols[i + 1]);
  while (count > 1) {
    size_t best = 0;
    for (size_t i = 1; i + 1 < count; ++i) {
      if (pairs[i].rank < pairs[best].rank) best = i;
    }
    if (pairs[best].rank == MergeTable::kNoRank) break;
    symbols[best] = pairs[best].id;
    --count;
    for (size_t i = best + 1; i < count; ++i) symbols[i] = symbols[i + 1];
    for (size_t i = best; i + 1 < count; ++i) pairs[i] = pairs[i + 1];
    if (best > 0) pairs[best - 1] = merges.find(symbols[best - 1], symbols[best]);
    if (best + 1 < count) pairs[best] = merges.find(symbols[best], symbols[best + 1]);
  }
  ids.insert(ids.end(), symbols, symbols + count);
}

struct Symbol {
  int32_t id;  // -1 once it is part of the symbol to its left
  uint32_t previous;
  uint32_t next;
};

struct Candidate {
  int32_t rank;
  uint32_t left;
  int32_t left_id;  // the candidate is stale unless both ids are still there
  int32_t right_id;

  bool operator<(const Candidate& other) const {  // std::priority_queue pops the greatest
    return rank != other.rank ? rank > other.rank : left > other.left;
  }
};

void merge_by_heap(std::span<const int32_t> initial, const MergeTable& merges, std::vector<int32_t>& ids) {
  auto count = static_cast<uint32_t>(initial.size());
  std::vector<Symbol> symbols(count);
  std::vector<Candidate> found;
  found.reserve(count);
  for (uint32_t i = 0; i < count; ++i) {
    symbols[i] = {initial[i], i - 1, i + 1};
  }
  for (uint32_t i = 0; i + 1 < count; ++i) {
    int32_t rank = merges.find(symbols[i].id, symbols[i + 1].id).rank;
    if (rank != MergeTable::kNoRank) found.push_back({rank, i, symbols[i].id, symbols[i + 1].id});
  }
  std::priority_queue<Candidate> heap(std::less<Candidate>(), std::move(found));
  auto offer = [&](uint32_t left) {
    uint32_t right = symbols[left].next;
    int32_t rank = merges.find(symbols[left].id, symbols[right].id).rank;
    if (rank != MergeTable::kNoRank) heap.push({rank, left, symbols[left].id, symbols[right].id});
  };
  while (!heap.empty()) {
    Candidate top = heap.top();
    heap.pop();
    Symbol& left = symbols[top.left];
    if (left.id != top.left_id || left.next >= count || symbols[left.next].id != top.right_id) continue;
    Symbol& right = symbols[left.next];
    left.id = merges.find(top.left_id, top.right_id).id;
    right.id = -1;
    left.next = right.next;
    if (left.next < count) {
      symbols[left.next].previous = top.left;
      offer(top.left);
    }
    if (top.left > 0) offer(left.previous);
  }
  for (uint32_t i = 0; i < count; i = symbols[i].next) ids.push_back(symbols[i].id);
}

}  // namespace

MergeTable::MergeTable(size_t num_merges)
    : slots_(std::bit_ceil(2 * num_merges + 2), Slot{kEmpty, {kNoRank, -1}}),
      mask_(slots_.size() - 1),
      shift_(64 - std::countr_zero(slots_.size())) {}

void MergeTable::set(int32_t left, int32_t right, Merge merge) {
  uint64_t key = key_of(left, right);
  size_t slot = slot_of(key);
  while (slots_[slot].key != kEmpty && slots_[slot].key != key) slot = (slot + 1) & mask_;
  slots_[slot] = {key, merge};
}

void append_merged(std::string_view bytes, const std::array<int32_t, 256>& byte_ids, const MergeTable& merges,
                   std::vector<int32_t>& ids) {
  const auto id_of = [&byte_ids](char byte) { return byte_ids[static_cast<unsigned char>(byte)]; };
  if (bytes.size() <= kScanBytes) {
    int32_t symbols[kScanBytes];
    std::transform(bytes.begin(), bytes.end(), symbols, id_of);
    merge_by_scan(symbols, bytes.size(), merges, ids);
  } else {
    std::vector<int32_t> symbols(bytes.size());
    std::transform(bytes.begin(), bytes.end(), symbols.begin(), id_of);
    append_merged(symbols, merges, ids);
  }
}

void append_merged(std::span<const int32_t> symbols, const MergeTable& merges, std::vector<int32_t>& ids) {
  if (symbols.size() <= kScanBytes) {
    int32_t copy[kScanBytes];
    std::copy(symbols.begin(), symbols.end(), copy);
    merge_by_scan(copy, symbols.size(), merges, ids);
  } else {
    require(symbols.size() < UINT32_MAX, "a stretch of 4 GiB without a place to cut is too long to encode");
    merge_by_heap(symbols, merges, ids);
  }
}

}  // namespace rerank
