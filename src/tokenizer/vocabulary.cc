// An arena of token bytes under an open-addressing table, half full at most.
#include "tokenizer/vocabulary.h"

#include <bit>

#include "tokenizer/byte_hash.h"
#include "tokenizer/byte_level.h"

namespace rerank {

Vocabulary::Vocabulary(size_t num_tokens, int32_t id_end)
    : tokens_(static_cast<size_t>(id_end)), slots_(std::bit_ceil(2 * num_tokens + 2), -1) {
  arena_.reserve(8 * num_tokens);
}

size_t Vocabulary::slot_of(std::string_view bytes) const {
  size_t mask = slots_.size() - 1;
  for (size_t slot = hash_bytes(bytes) & mask;; slot = (slot + 1) & mask) {
    if (slots_[slot] < 0) return slot;
    const Span& span = tokens_[static_cast<size_t>(slots_[slot])];
    if (std::string_view(arena_.data() + span.begin, span.size) == bytes) return slot;
  }
}

bool Vocabulary::add(std::string_view written, int32_t id) {
  Span& span = tokens_[static_cast<size_t>(id)];
  if (span.size != kAbsent) return false;
  std::optional<std::string> decoded = byte_level_bytes(written);
  std::string_view bytes = decoded ? std::string_view(*decoded) : written;
  if (decoded) {
    int32_t& slot = slots_[slot_of(bytes)];
    if (slot >= 0) return false;
    slot = id;
  } else if (!literal_.emplace(written, id).second) {
    return false;
  }
  span = {static_cast<uint32_t>(arena_.size()), static_cast<uint32_t>(bytes.size())};
  arena_ += bytes;
  ++num_tokens_;
  return true;
}

int32_t Vocabulary::find(std::string_view bytes) const {
  return slots_[slot_of(bytes)];
}

int32_t Vocabulary::find_written(std::string_view written) const {
  if (std::optional<std::string> bytes = byte_level_bytes(written)) return find(*bytes);
  auto entry = literal_.find(std::string(written));
  return entry == literal_.end() ? -1 : entry->second;
}

std::optional<std::string_view> Vocabulary::bytes_of(int32_t id) const {
  if (id < 0 || id >= id_end() || tokens_[static_cast<size_t>(id)].size == kAbsent) return std::nullopt;
  const Span& span = tokens_[static_cast<size_t>(id)];
  return std::string_view(arena_.data() + span.begin, span.size);
}

}  // namespace rerank
