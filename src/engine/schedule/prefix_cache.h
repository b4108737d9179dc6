// Prompt parts whose keys and values are kept in the backend, as a tree: a part is the same only after the
// same parts.
#pragma once

#include <cstdint>
#include <list>
#include <span>
#include <vector>

#include "engine/schedule/slot_allocator.h"

namespace rerank {

// Not safe from several threads. Batches run in the order of their numbers, so a part that the batch being
// formed does not use may give its slots to that batch.
class PrefixCache {
 public:
  struct Part {
    const Part* parent = nullptr;
    std::uint64_t owner = 0;  // parts of different owners are never the same; 0 is everybody
    std::vector<std::int32_t> ids;
    std::int32_t slot = 0;  // of its first token
    std::int32_t first_position = 0;
    std::int32_t num_children = 0;
    std::uint64_t last_batch = 0;  // that uses it
    std::int32_t num_holds = 0;
    bool is_complete = true;  // all of it is in batches; until then nobody finds it

    std::int32_t num_tokens() const { return static_cast<std::int32_t>(ids.size()); }
  };

  // `num_slots` can be in use at a time; of those not in use by the batch being formed, trim keeps
  // `num_idle`.
  PrefixCache(std::int32_t num_slots, std::int32_t num_idle) : slots_(num_slots), num_idle_(num_idle) {}

  // nullptr when it is not kept.
  const Part* find(const Part* parent, std::uint64_t owner, std::span<const std::int32_t> ids) const;
  // Keeps a part that batch `batch` will compute, in place of the parts used longest ago; nullptr when those
  // that `batch` itself uses and those that are held leave no room. REQUIRES: find gives nullptr, and ids is
  // not empty.
  const Part* insert(const Part* parent, std::uint64_t owner, std::span<const std::int32_t> ids,
                     std::uint64_t batch);
  // A part that is computed in several batches: nobody finds it before it is complete.
  void set_complete(const Part* part, bool is_complete);
  // Keeps a part and its ancestors, whoever needs room, until it is let go of as often.
  void hold(const Part* part);
  void let_go(const Part* part);
  // Part and its ancestors are used by `batch` and safe from insert and trim while that is being formed.
  void use(const Part* part, std::uint64_t batch);
  // Drops the parts used longest ago, but none that `batch` uses, until num_idle slots are in use.
  void trim(std::uint64_t batch);

  std::int32_t num_tokens() const { return num_tokens_; }
  // Of the parts that are held.
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
