// Maps the ids of the model's tokens to bytes and back. Merges and added tokens are elsewhere.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace rerank {

// Safe from any number of reading threads at once.
class Vocabulary {
 public:
  // How the file writes tokens: each byte as a character (byte_level.h), or as plain text.
  enum class Writing { kByteLevel, kText };

  // Reserves memory for `num_tokens` tokens with ids below id_end.
  Vocabulary(size_t num_tokens, int32_t id_end, Writing writing = Writing::kByteLevel);

  // Adds a token as written in the file. Returns false and changes nothing if its id or its text is taken.
  // REQUIRES: 0 <= id < id_end, fewer than num_tokens added, written is valid UTF-8.
  bool add(std::string_view written, int32_t id);

  // The id of the token with these bytes; -1 if there is none. Entries with characters outside the byte-level
  // alphabet represent no bytes and are not found.
  int32_t find(std::string_view bytes) const;

  // The id of the entry written like this in the file; -1 if there is none.
  int32_t find_written(std::string_view written) const;

  // Whether the token of this id is written like this. May return false for a match if some entry has
  // characters outside the byte-level alphabet.
  bool is_written(int32_t id, std::string_view written) const;

  // The bytes to decode the id to; for an entry with characters outside the byte-level alphabet, the text as
  // written. nullopt for an unknown id.
  std::optional<std::string_view> bytes_of(int32_t id) const;

  int32_t id_end() const { return static_cast<int32_t>(tokens_.size()); }
  size_t num_tokens() const { return num_tokens_; }

 private:
  struct Span {
    uint32_t begin = 0;
    uint32_t size = kAbsent;
  };
  static constexpr uint32_t kAbsent = UINT32_MAX;

  // The slot of these bytes, or the free one where they belong; sets their tag.
  size_t slot_of(std::string_view bytes, uint32_t& tag) const;

  Writing writing_;
  std::string arena_;
  std::vector<Span> tokens_;  // [id_end]
  struct Slot {
    uint32_t tag = 0;  // more bits of the hash, compared before the bytes
    int32_t id = -1;   // -1: empty
  };
  std::vector<Slot> slots_;  // open addressing, a power of two
  std::unordered_map<std::string, int32_t> literal_;
  size_t num_tokens_ = 0;
};

}  // namespace rerank
