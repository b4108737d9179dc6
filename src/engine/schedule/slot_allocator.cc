#include "engine/schedule/slot_allocator.h"

#include <iterator>
#include <utility>

namespace rerank {

SlotAllocator::SlotAllocator(std::int32_t num_slots) {
  if (num_slots > 0) free_[0] = num_slots;
}

std::optional<std::int32_t> SlotAllocator::allocate(std::int32_t count) {
  for (auto run = free_.begin(); run != free_.end(); ++run) {
    if (run->second < count) continue;
    const std::int32_t first = run->first;
    // The node is reused, so nothing is allocated and memory cannot run out here.
    auto node = free_.extract(run);
    node.key() += count;
    node.mapped() -= count;
    if (node.mapped() > 0) free_.insert(std::move(node));
    return first;
  }
  return std::nullopt;
}

void SlotAllocator::free(std::int32_t first, std::int32_t count) {
  auto run = free_.emplace(first, count).first;
  const auto next = std::next(run);
  if (next != free_.end() && run->first + run->second == next->first) {
    run->second += next->second;
    free_.erase(next);
  }
  if (run == free_.begin()) return;
  const auto before = std::prev(run);
  if (before->first + before->second == run->first) {
    before->second += run->second;
    free_.erase(run);
  }
}

}  // namespace rerank
