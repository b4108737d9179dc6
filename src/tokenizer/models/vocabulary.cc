// An arena of token bytes, indexed by an open-addressing table that is at most half full.
#include "tokenizer/models/vocabulary.h"

#include <bit>

#include "tokenizer/byte_hash.h"
#include "tokenizer/models/byte_level.h"

namespace rerank {

Vocabulary::Vocabulary(size_t num_tokens, int32_t id_end, Writing writing)
    : writing_(writing), tokens_(static_cast<size_t>(id_end)), slots_(std::bit_ceil(2 * num_tokens + 2)) {
  arena_.reserve(8 * num_tokens);
}

size_t Vocabulary::slot_of(std::string_view bytes, uint32_t& tag) const {
  size_t mask = slots_.size() - 1;
  uint64_t hash = hash_bytes(bytes);
  tag = static_cast<uint32_t>(hash >> 32);
  for (size_t slot = hash & mask;; slot = (slot + 1) & mask) {
    if (slots_[slot].id < 0) return slot;
    if (slots_[slot].tag != tag) continue;
    const Span& span = tokens_[static_cast<size_t>(slots_[slot].id)];
    if (std::string_view(arena_.data() + span.begin, span.size) == bytes) return slot;
  }
}

bool Vocabulary::add(std::string_view written, int32_t id) {
  Span& span = tokens_[static_cast<size_t>(id)];
  if (span.size != kAbsent) return false;
  const bool is_text = writing_ == Writing::kText;
  std::optional<std::string> decoded = is_text ? std::string(written) : byte_level_bytes(written);
  std::string_view bytes = decoded ? std::string_view(*decoded) : written;
  if (decoded) {
    uint32_t tag = 0;
    Slot& slot = slots_[slot_of(bytes, tag)];
    if (slot.id >= 0) return false;
    slot = {tag, id};
  } else if (!literal_.emplace(written, id).second) {
    return false;
  }
  span = {static_cast<uint32_t>(arena_.size()), static_cast<uint32_t>(bytes.size())};
  arena_ += bytes;
  ++num_tokens_;
  return true;
}

int32_t Vocabulary::find(std::string_view bytes) const {
  uint32_t tag = 0;
  return slots_[slot_of(bytes, tag)].id;
}

int32_t Vocabulary::find_written(std::string_view written) const {
  if (writing_ == Writing::kText) return find(written);
  if (std::optional<std::string> bytes = byte_level_bytes(written)) return find(*bytes);
  auto entry = literal_.find(std::string(written));
  return entry == literal_.end() ? -1 : entry->second;
}

bool Vocabulary::is_written(int32_t id, std::string_view written) const {
  std::optional<std::string_view> bytes = bytes_of(id);
  if (writing_ == Writing::kText) return bytes == written;
  return literal_.empty() && bytes && byte_level_bytes(written) == bytes;
}

std::optional<std::string_view> Vocabulary::bytes_of(int32_t id) const {
  if (id < 0 || id >= id_end() || tokens_[static_cast<size_t>(id)].size == kAbsent) return std::nullopt;
  const Span& span = tokens_[static_cast<size_t>(id)];
  return std::string_view(arena_.data() + span.begin, span.size);
}

}  // namespace rerank
