// Runs of consecutive key/value slots: first fit, so that memory is touched from the low end.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

namespace rerank {

class SlotAllocator {
 public:
  // Hands out slots of [0, num_slots).
  explicit SlotAllocator(std::int32_t num_slots);

  // The first slot of a free run of `count`; nothing when there is none. REQUIRES: count >= 1.
  std::optional<std::int32_t> allocate(std::int32_t count);
  // REQUIRES: exactly what allocate gave.
  void free(std::int32_t first, std::int32_t count);

 private:
  std::map<std::int32_t, std::int32_t> free_;  // first slot -> count; no two touch
};

}  // namespace rerank
