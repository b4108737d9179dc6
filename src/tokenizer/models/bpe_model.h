// The token models with merges: byte-level BPE, which starts from bytes, and BPE with byte fallback, which
// starts from characters and the bytes of characters that the vocabulary lacks. bpe.h applies the merges.
#pragma once

#include <array>
#include <cstdint>

#include "tokenizer/models/bpe.h"
#include "tokenizer/models/byte_fallback.h"
#include "tokenizer/models/token_model.h"
#include "tokenizer/models/whole_words.h"

namespace rerank {

// About 15 ms of merging.
inline constexpr std::size_t kMostMergedBytes = 32 << 10;

// The token of each byte; -1 for any of the 13 bytes that UTF-8 never uses if it has none.
using ByteIds = std::array<std::int32_t, 256>;

class ByteLevelBpe final : public TokenModel {
 public:
  // `ignore_merges`: a pre-token that is in the vocabulary becomes that token without merging.
  ByteLevelBpe(Vocabulary vocabulary, const ByteIds& byte_ids, MergeTable merges, bool ignore_merges);

  void append(std::string_view word, const ControlTokens& controls, std::vector<std::int32_t>& ids,
              std::vector<std::size_t>* ends) const override;
  bool looks_at_controls() const override { return ignore_merges_; }
  bool is_made_of_text(std::string_view text) const override;
  std::size_t max_word_bytes() const override { return kMostMergedBytes; }

 private:
  ByteIds byte_ids_;
  MergeTable merges_;
  bool ignore_merges_;
  mutable WholeWords whole_words_;  // found so far
};

class ByteFallbackBpe final : public TokenModel {
 public:
  ByteFallbackBpe(Vocabulary vocabulary, const ByteIds& byte_ids, MergeTable merges, CharacterJoins joins);

  void append(std::string_view word, const ControlTokens& controls, std::vector<std::int32_t>& ids,
              std::vector<std::size_t>* ends) const override;
  bool is_made_of_text(std::string_view text) const override;
  std::size_t max_word_bytes() const override { return kMostMergedBytes; }
  const PreTokenizer* own_cuts() const override { return &cuts_; }
  bool joins(char32_t left, char32_t right) const override { return cuts_.joins.holds(left, right); }
  std::optional<char> byte_of(std::int32_t id) const override;

 private:
  // Cuts between characters that no merge joins.
  struct Cuts final : PreTokenizer {
    explicit Cuts(CharacterJoins own) : joins(std::move(own)) {}
    void split_prefixed(const PreToken& whole, PreTokenVisit visit) const override;
    std::size_t split_settled(std::string_view text, PreTokenVisit visit) const override;

    CharacterJoins joins;
  };

  ByteIds byte_ids_;
  MergeTable merges_;
  Cuts cuts_;
  mutable WholeWords whole_words_;
};

}  // namespace rerank
