#include "engine/schedule/prefix_cache.h"

#include <algorithm>
#include <iterator>

namespace rerank {

const PrefixCache::Part* PrefixCache::find(const Part* parent, std::uint64_t owner,
                                           std::span<const std::int32_t> ids) const {
  for (const Part& part : parts_) {
    if (part.parent == parent && part.owner == owner && part.is_complete &&
        std::ranges::equal(part.ids, ids)) {
      return &part;
    }
  }
  return nullptr;
}

const PrefixCache::Part* PrefixCache::insert(const Part* parent, std::uint64_t owner,
                                             std::span<const std::int32_t> ids, std::uint64_t batch) {
  if (parent != nullptr) use(parent, batch);
  const auto count = static_cast<std::int32_t>(ids.size());
  // Created before it is linked: memory may run out.
  std::list<Part> made;
  made.push_front({.parent = parent,
                   .owner = owner,
                   .ids = {ids.begin(), ids.end()},
                   .first_position = parent == nullptr ? 0 : parent->first_position + parent->num_tokens(),
                   .last_batch = batch});
  std::optional<std::int32_t> slot = slots_.allocate(count);
  while (!slot && drop_one(batch)) slot = slots_.allocate(count);
  if (!slot) return nullptr;
  made.front().slot = *slot;
  parts_.splice(parts_.begin(), made);
  if (parent != nullptr) ++const_cast<Part*>(parent)->num_children;
  num_tokens_ += count;
  return &parts_.front();
}

void PrefixCache::use(const Part* part, std::uint64_t batch) {
  for (; part != nullptr; part = part->parent) {
    const auto at = std::ranges::find_if(parts_, [&](const Part& p) { return &p == part; });
    at->last_batch = batch;
    parts_.splice(parts_.begin(), parts_, at);
  }
}

void PrefixCache::set_complete(const Part* part, bool is_complete) {
  const_cast<Part*>(part)->is_complete = is_complete;
}

void PrefixCache::hold(const Part* part) {
  for (; part != nullptr; part = part->parent) {
    if (const_cast<Part*>(part)->num_holds++ == 0) num_held_tokens_ += part->num_tokens();
  }
}

void PrefixCache::let_go(const Part* part) {
  for (; part != nullptr; part = part->parent) {
    if (--const_cast<Part*>(part)->num_holds == 0) num_held_tokens_ -= part->num_tokens();
  }
}

bool PrefixCache::drop_one(std::uint64_t batch) {
  for (auto part = parts_.rbegin(); part != parts_.rend(); ++part) {
    if (part->last_batch == batch || part->num_children > 0 || part->num_holds > 0) continue;
    slots_.free(part->slot, part->num_tokens());
    if (part->parent != nullptr) --const_cast<Part*>(part->parent)->num_children;
    num_tokens_ -= part->num_tokens();
    parts_.erase(std::next(part).base());
    return true;
  }
  return false;
}

void PrefixCache::trim(std::uint64_t batch) {
  while (num_tokens_ > num_idle_ && drop_one(batch)) {
  }
}

}  // namespace rerank
