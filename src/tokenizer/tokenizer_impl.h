// What a tokenizer holds and how it turns words into ids; texts are cut into words by those who include this.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "tokenizer/added_tokens.h"
#include "tokenizer/models/whole_words.h"
#include "tokenizer/pre_tokenizers/pre_tokenizer.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/tokenizer_spec.h"
#include "tokenizer/word_cache.h"

namespace rerank {

class Tokenizer::Impl {
 public:
  explicit Impl(TokenizerSpec spec);

  const TokenizerSpec& spec() const { return spec_; }
  // Of the tokens that are looked for in the text as it is, and of those in normalized text.
  const AddedTokenMatcher& raw_tokens() const { return raw_tokens_; }
  const AddedTokenMatcher& normalized_tokens() const { return normalized_tokens_; }
  // Of those that are looked for in every text, whoever wrote it: see SpecialTokens::kAsText.
  const AddedTokenMatcher& text_tokens() const { return text_tokens_; }
  const Normalizer& normalizer() const { return normalizer_; }

  std::string decode(std::span<const int32_t> ids) const;
  std::optional<int32_t> token_id(std::string_view token) const;
  int32_t vocab_size() const { return id_end_; }
  bool is_special(int32_t id) const;
  bool splits_between(std::string_view before, std::string_view after) const;

  // Bytes of normalized text that the token is.
  size_t num_bytes_of(int32_t id) const;

  // Words of normalized text: as PreTokenizer, or where merges join no characters.
  template <typename Visit>
  void split(std::string_view text, const Visit& visit) const {
    if (!spec_.byte_fallback) return pre_tokenizer_.split(text, visit);
    const size_t rest = spec_.joins.split_settled(text, visit);
    if (rest < text.size()) visit(text.substr(rest));
  }
  template <typename Visit>
  size_t split_settled(std::string_view text, const Visit& visit) const {
    return spec_.byte_fallback ? spec_.joins.split_settled(text, visit)
                               : pre_tokenizer_.split_settled(text, visit);
  }
  template <typename Visit>
  void split_rest(std::string_view text, const Visit& visit) const {
    spec_.byte_fallback ? split(text, visit) : pre_tokenizer_.split_rest(text, visit);
  }
  bool begins_with_space() const { return pre_tokenizer_.begins_with_space(); }
  // Appends the ids of a pre-token. Throws Error{kInvalidArgument} for one longer than kMaxStretchBytes.
  void append_word(std::string_view word, std::vector<int32_t>& ids) const {
    append_word(word, fetch_pair(word, WordCache::of_this_thread()), ids);
  }
  // Appends the ids of all the pre-tokens that `split`, called with a visitor of words, cuts `text` into, and
  // returns what it does. A word is looked up some words after its place in the cache is known: the megabyte
  // of the cache is seldom near, and waiting for it word by word took a third of all the time.
  template <typename Split>
  auto append_words(std::string_view text, std::vector<int32_t>& ids, const Split& split) const {
    Fetched fetched{*this, WordCache::of_this_thread(), text, ids};
    if constexpr (std::is_void_v<decltype(split(fetched))>) {
      split(fetched);
      fetched.append();
    } else {
      const auto result = split(fetched);
      fetched.append();
      return result;
    }
  }

 private:
  // A visitor of words.
  struct Fetched {
    const Impl& own;
    WordCache& cache;
    const std::string_view text;
    std::vector<int32_t>& ids;
    struct Word {
      std::string_view word;
      WordCache::Pair* pair;
    };
    mutable std::array<Word, 16> words;
    mutable size_t num_words = 0;

    void append() const {
      for (size_t i = 0; i < num_words; ++i) own.append_word(words[i].word, words[i].pair, ids);
      num_words = 0;
    }
    void operator()(std::string_view word) const {
      // A copy with a space before it is gone after this call.
      const bool is_copy = std::less<>()(word.data(), text.data()) ||
                           std::less<>()(text.data() + text.size(), word.data() + word.size());
      words[num_words++] = {word, own.fetch_pair(word, cache)};
      if (is_copy || num_words == words.size()) append();
    }
  };

  // nullptr for a word that is too long to keep.
  WordCache::Pair* fetch_pair(std::string_view word, WordCache& cache) const {
    if (word.size() > WordCache::kMaxWordBytes) return nullptr;
    WordCache::Pair& pair = cache.pair(cache_owner_, word);
    for (const WordCache::Slot& slot : pair.slots) __builtin_prefetch(&slot);
    return &pair;
  }
  void append_word(std::string_view word, WordCache::Pair* pair, std::vector<int32_t>& ids) const {
    if (pair == nullptr) return append_uncached(word, ids);
    if (const WordCache::Slot* const slot = WordCache::find(*pair, cache_owner_, word)) {
      ids.insert(ids.end(), slot->ids, slot->ids + slot->num_ids);
      return;
    }
    const size_t before = ids.size();
    append_uncached(word, ids);
    WordCache::fill(*pair, cache_owner_, word, ids.data() + before, ids.size() - before);
  }
  void append_uncached(std::string_view word, std::vector<int32_t>& ids) const;

  TokenizerSpec spec_;
  Normalizer normalizer_;
  PreTokenizer pre_tokenizer_;
  Replacements decoder_;
  AddedTokenMatcher raw_tokens_;
  AddedTokenMatcher normalized_tokens_;
  AddedTokenMatcher text_tokens_;
  std::unordered_map<std::string, int32_t> added_by_content_;
  std::unordered_map<int32_t, size_t> added_by_id_;
  int32_t id_end_ = 0;
  mutable WholeWords whole_words_;  // so far met
  uint32_t cache_owner_;
};

// Throws Error{kInvalidArgument} that names the byte where `text` is no UTF-8.
void require_utf8(std::string_view text);
[[noreturn]] void refuse_utf8(std::string_view text, size_t bad);
// Throws Error{kInvalidArgument} for a stretch of kMaxStretchBytes without a place to cut.
[[noreturn]] void refuse_stretch();

}  // namespace rerank
