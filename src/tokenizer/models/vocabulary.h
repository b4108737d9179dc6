// The model's tokens: id -> bytes and bytes -> id. Merges and added tokens are elsewhere.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace rerank {

// Any number of threads may read one at once.
class Vocabulary {
 public:
  // What the file writes for a token: characters that stand for its bytes (byte_level.h), or its own text.
  enum class Writing { kByteLevel, kText };

  // Makes room, so that adding `num_tokens` tokens of ids below id_end is one pass.
  Vocabulary(size_t num_tokens, int32_t id_end, Writing writing = Writing::kByteLevel);

  // Adds a token as the file writes it. Returns false, with nothing changed, if its id or its text is taken.
  // REQUIRES: 0 <= id < id_end, fewer than num_tokens added, written is valid UTF-8.
  bool add(std::string_view written, int32_t id);

  // The id of the token of these bytes; -1 if there is none. Entries written outside the byte-level alphabet
  // stand for no bytes and are not found.
  int32_t find(std::string_view bytes) const;

  // The id of the entry that the file writes so; -1 if there is none.
  int32_t find_written(std::string_view written) const;

  // Whether the file writes the token of this id so; may say no where it does, if some entry is written
  // outside the byte-level alphabet.
  bool is_written(int32_t id, std::string_view written) const;

  // The bytes that decoding gives: of an entry written outside the byte-level alphabet, the text as written.
  // Nothing for an id that no token has.
  std::optional<std::string_view> bytes_of(int32_t id) const;

  int32_t id_end() const { return static_cast<int32_t>(tokens_.size()); }
  size_t num_tokens() const { return num_tokens_; }

 private:
  struct Span {
    uint32_t begin = 0;
    uint32_t size = kAbsent;
  };
  static constexpr uint32_t kAbsent = UINT32_MAX;

  // Where these bytes are, or would go; sets their tag.
  size_t slot_of(std::string_view bytes, uint32_t& tag) const;

  Writing writing_;
  std::string arena_;
  std::vector<Span> tokens_;  // [id_end]
  struct Slot {
    uint32_t tag =
        0;  // more bits of the hash, so that the bytes are compared only where they are likely equal
    int32_t id = -1;  // -1 where empty
  };
  std::vector<Slot> slots_;  // open addressing, a power of two
  std::unordered_map<std::string, int32_t> literal_;
  size_t num_tokens_ = 0;
};

}  // namespace rerank
