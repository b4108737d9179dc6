// The prefix cache: prompt parts whose keys and values are kept in the backend, as a tree, since a part can
// only be reused after the same ancestors.
#pragma once

#include <cstdint>
#include <list>
#include <span>
#include <vector>

#include "engine/schedule/slot_allocator.h"

namespace rerank {

// Not safe from several threads at once. Batches run in the order of their numbers, so the batch being formed
// may reuse slots of any part that it does not use itself.
class PrefixCache {
 public:
  struct Part {
    const Part* parent = nullptr;
    std::uint64_t owner = 0;  // parts of different owners never match; 0: shared by all
    std::vector<std::int32_t> ids;
    std::int32_t slot = 0;  // of its first token
    std::int32_t first_position = 0;
    std::int32_t num_children = 0;
    std::uint64_t last_batch = 0;  // that used it
    std::int32_t num_holds = 0;
    bool is_complete = true;  // whether all of it is in batches; otherwise find ignores it

    std::int32_t num_tokens() const { return static_cast<std::int32_t>(ids.size()); }
  };

  // At most `num_slots` slots are in use. trim keeps `num_idle` slots of parts that the batch being formed
  // does not use.
  PrefixCache(std::int32_t num_slots, std::int32_t num_idle) : slots_(num_slots), num_idle_(num_idle) {}

  // nullptr if it is not cached.
  const Part* find(const Part* parent, std::uint64_t owner, std::span<const std::int32_t> ids) const;
  // Adds a part that batch `batch` will compute, and evicts the least recently used parts to make room.
  // Returns nullptr if parts that are held or used by `batch` leave no room. REQUIRES: find returns nullptr;
  // ids is not empty.
  const Part* insert(const Part* parent, std::uint64_t owner, std::span<const std::int32_t> ids,
                     std::uint64_t batch);
  // A part that is computed over several batches cannot be found until it is complete.
  void set_complete(const Part* part, bool is_complete);
  // Protects a part and its ancestors from eviction until let_go is called as many times.
  void hold(const Part* part);
  void let_go(const Part* part);
  // Marks a part and its ancestors as used by `batch`: insert and trim keep them while it is being formed.
  void use(const Part* part, std::uint64_t batch);
  // Evicts the least recently used parts, except those that `batch` uses, until at most num_idle slots are in
  // use.
  void trim(std::uint64_t batch);

  std::int32_t num_tokens() const { return num_tokens_; }
  // Tokens of parts that are held.
  std::int32_t num_held_tokens() const { return num_held_tokens_; }

 private:
  bool drop_one(std::uint64_t batch);

  std::list<Part> parts_;  // most recently used first
  SlotAllocator slots_;
  std::int32_t num_idle_;
  std::int32_t num_tokens_ = 0;
  std::int32_t num_held_tokens_ = 0;
};

}  // namespace rerank
