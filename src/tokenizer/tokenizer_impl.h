// The parts of a tokenizer, and how it turns words into ids; the includers cut texts into words.
#pragma once

#include <array>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "tokenizer/added_tokens.h"
#include "tokenizer/pipeline.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/word_cache.h"

namespace rerank {

class Tokenizer::Impl {
 public:
  explicit Impl(TokenizerPipeline pipeline);

  // The tokens to find in the raw text, and those to find in normalized text.
  const AddedTokenMatcher& raw_tokens() const { return raw_tokens_; }
  const AddedTokenMatcher& normalized_tokens() const { return normalized_tokens_; }
  // The tokens to find even in text of users, see SpecialTokens::kAsText.
  const AddedTokenMatcher& text_tokens() const { return text_tokens_; }
  const Normalizers& normalizers() const { return pipeline_.normalizers; }
  const TokenFrames& frames() const { return pipeline_.frames; }

  std::string decode(std::span<const int32_t> ids) const;
  std::optional<int32_t> token_id(std::string_view token) const;
  int32_t vocab_size() const { return id_end_; }
  bool is_special(int32_t id) const;
  bool splits_between(std::string_view before, std::string_view after) const;

  // Pre-tokens of normalized text: from PreTokenizers, or from the model if it cuts text itself.
  void split(std::string_view text, PreTokenVisit visit) const {
    own_cuts_ == nullptr ? pipeline_.pre_tokenizers.split(text, visit)
                         : own_cuts_->split_prefixed({text, text.data()}, visit);
  }
  size_t split_settled(std::string_view text, PreTokenVisit visit) const {
    return own_cuts_ == nullptr ? pipeline_.pre_tokenizers.split_settled(text, visit)
                                : own_cuts_->split_settled(text, visit);
  }
  void split_rest(std::string_view text, PreTokenVisit visit) const {
    own_cuts_ == nullptr ? pipeline_.pre_tokenizers.split_rest(text, visit)
                         : own_cuts_->split_prefixed({text, text.data()}, visit);
  }
  std::string_view prefix_of(std::string_view text) const { return pipeline_.pre_tokenizers.prefix_of(text); }

  size_t max_stretch_bytes() const { return pipeline_.model->max_word_bytes(); }

  // Appends the ids of a pre-token and where each ends in it. Throws Error{kInvalidArgument} for one longer
  // than max_stretch_bytes.
  void append_word(std::string_view word, SpecialTokens special, std::vector<int32_t>& ids,
                   std::vector<size_t>& ends) const;
  // Calls `split` with a visitor of pre-tokens, appends the ids of all pre-tokens, and returns its result.
  // Cache lines are prefetched a few words before they are needed: the cache takes a megabyte, and waiting
  // for memory word by word took a third of the total time.
  template <typename Split>
  auto append_words(SpecialTokens special, std::vector<int32_t>& ids, const Split& split) const {
    Fetched fetched{*this, WordCache::of_this_thread(), special, ids};
    const auto visit = [&fetched](const PreToken& token) { fetched.take(token); };
    if constexpr (std::is_void_v<decltype(split(visit))>) {
      split(visit);
      fetched.append();
    } else {
      const auto result = split(visit);
      fetched.append();
      return result;
    }
  }

 private:
  struct Fetched {
    static constexpr size_t kMostWords = 16;

    const Impl& own;
    WordCache& cache;
    const SpecialTokens special;
    std::vector<int32_t>& ids;
    struct Word {
      std::string_view word;
      WordCache::Pair* pair;
    };
    std::array<Word, kMostWords> words;
    size_t num_words = 0;
    char copies[kMostWords][WordCache::kMaxWordBytes];

    void append() {
      for (size_t i = 0; i < num_words; ++i) own.append_word(words[i].word, words[i].pair, special, ids);
      num_words = 0;
    }
    void take(const PreToken& token) {
      std::string_view word = token.text;
      WordCache::Pair* const pair = own.fetch_pair(word, special, cache);
      if (token.is_copy && pair != nullptr) {
        std::memcpy(copies[num_words], word.data(), word.size());
        word = {copies[num_words], word.size()};
      }
      words[num_words++] = {word, pair};
      if (num_words == kMostWords || (token.is_copy && pair == nullptr)) append();
    }
  };

  // nullptr for a word that is too long for the cache.
  WordCache::Pair* fetch_pair(std::string_view word, SpecialTokens special, WordCache& cache) const {
    if (word.size() > WordCache::kMaxWordBytes) return nullptr;
    WordCache::Pair& pair = cache.pair(cache_owner(special), word);
    for (const WordCache::Slot& slot : pair.slots) __builtin_prefetch(&slot);
    return &pair;
  }
  void append_word(std::string_view word, WordCache::Pair* pair, SpecialTokens special,
                   std::vector<int32_t>& ids) const {
    if (pair == nullptr) return append_uncached(word, special, ids, nullptr);
    const uint32_t owner = cache_owner(special);
    if (const WordCache::Slot* const slot = WordCache::find(*pair, owner, word)) {
      ids.insert(ids.end(), slot->ids, slot->ids + slot->num_ids);
      return;
    }
    const size_t before = ids.size();
    append_uncached(word, special, ids, nullptr);
    WordCache::fill(*pair, owner, word, ids.data() + before, ids.size() - before);
  }
  void append_uncached(std::string_view word, SpecialTokens special, std::vector<int32_t>& ids,
                       std::vector<size_t>* ends) const;
  uint32_t cache_owner(SpecialTokens special) const {
    return special == SpecialTokens::kParse ? parse_cache_owner_ : text_cache_owner_;
  }

  TokenizerPipeline pipeline_;
  const PreTokenizer* own_cuts_;
  AddedTokenMatcher raw_tokens_;
  AddedTokenMatcher normalized_tokens_;
  AddedTokenMatcher text_tokens_;
  std::unordered_map<std::string, int32_t> added_by_content_;
  std::unordered_map<int32_t, size_t> added_by_id_;
  int32_t id_end_ = 0;
  ControlTokens controls_;
  // The same owner for both if the ids of a word do not depend on who wrote it.
  uint32_t text_cache_owner_;
  uint32_t parse_cache_owner_;
};

// Throws Error{kInvalidArgument} with the byte offset where `text` is not UTF-8.
void require_utf8(std::string_view text);
[[noreturn]] void refuse_utf8(std::string_view text, size_t bad);
// Throws Error{kInvalidArgument} for a stretch of more than `max_bytes` that cannot be cut.
[[noreturn]] void refuse_stretch(size_t max_bytes);

}  // namespace rerank
