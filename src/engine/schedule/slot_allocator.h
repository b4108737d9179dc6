// Allocates runs of consecutive key/value slots, first fit, so that low addresses are reused first.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

namespace rerank {

class SlotAllocator {
 public:
  // Manages slots [0, num_slots).
  explicit SlotAllocator(std::int32_t num_slots);

  // The first slot of a free run of `count` slots, or nullopt. REQUIRES: count >= 1.
  std::optional<std::int32_t> allocate(std::int32_t count);
  // REQUIRES: a run that allocate returned.
  void free(std::int32_t first, std::int32_t count);

 private:
  std::map<std::int32_t, std::int32_t> free_;  // first slot -> count; never adjacent
};

}  // namespace rerank
