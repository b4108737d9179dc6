// The order of the steps: added tokens, normalization, added tokens again, pre-tokens, merges.
#include "tokenizer/tokenizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <functional>
#include <sstream>
#include <unordered_map>

#include "rerank/error.h"
#include "tokenizer/added_tokens.h"
#include "tokenizer/nfc.h"
#include "tokenizer/pre_tokenizer.h"
#include "tokenizer/tokenizer_spec.h"
#include "tokenizer/utf8.h"
#include "tokenizer/whole_words.h"
#include "tokenizer/word_cache.h"

namespace rerank {
namespace {

// The tokens to look for in normalized text, or in the text as it is.
AddedTokenMatcher make_matcher(const std::vector<AddedToken>& tokens, bool normalized, bool nfc) {
  std::vector<AddedToken> chosen;
  for (const AddedToken& token : tokens) {
    if (token.normalized != normalized) continue;
    chosen.push_back(token);
    std::string storage;
    if (normalized && nfc) chosen.back().content = std::string(to_nfc(token.content, storage));
  }
  return AddedTokenMatcher(std::move(chosen));
}

void require_utf8(std::string_view text) {
  const size_t bad = first_invalid_utf8(text);
  if (bad == text.size()) return;
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("the text is not valid UTF-8 at byte {} (value {:#04x})", bad,
                          static_cast<unsigned>(static_cast<unsigned char>(text[bad]))));
}

// A token and its bytes of the text.
struct Place {
  int32_t id;
  size_t begin, end;
  bool special;
};

// Normalized text that came of the bytes of a text from `begin` on.
struct NormalText {
  std::string_view text;
  size_t begin;
  std::vector<NfcOrigin> origins;

  // The bytes that normal bytes [first, last) came of.
  Place place(int32_t id, size_t first, size_t last, bool special) const {
    const size_t from = origin(first, false);
    return {id, from, first == last ? from : origin(last - 1, true), special};
  }

 private:
  // Where the origin of the normal byte `at` begins, or ends.
  size_t origin(size_t at, bool its_end) const {
    const auto after = std::ranges::upper_bound(origins, at, {}, &NfcOrigin::normal_begin);
    if (after == origins.begin()) return begin + at + (its_end ? 1 : 0);
    const NfcOrigin& last = *std::prev(after);
    if (at < last.normal_end) return begin + (its_end ? last.end : last.begin);
    return begin + last.end + (at - last.normal_end) + (its_end ? 1 : 0);
  }
};

// The pieces of `text` at `places`, widened to whole code points.
std::vector<TokenPiece> cut_pieces(std::string_view text, const std::vector<Place>& places) {
  std::vector<size_t> begins;              // [code points + 1], of each code point
  std::vector<size_t> index(text.size());  // [bytes], of the code point that the byte is of
  for (size_t at = 0; at < text.size(); ++at) {
    if ((static_cast<unsigned char>(text[at]) & 0xC0) != 0x80) begins.push_back(at);
    index[at] = begins.size() - 1;
  }
  begins.push_back(text.size());
  std::vector<TokenPiece> pieces;
  pieces.reserve(places.size());
  for (const Place& place : places) {
    const size_t start = place.begin < text.size() ? index[place.begin] : begins.size() - 1;
    const size_t stop = place.end > place.begin ? index[place.end - 1] + 1 : start;
    pieces.push_back({.id = place.id,
                      .text = std::string(text.substr(begins[start], begins[stop] - begins[start])),
                      .special = place.special,
                      .start = static_cast<int64_t>(start),
                      .stop = static_cast<int64_t>(stop)});
  }
  return pieces;
}

}  // namespace

class Tokenizer::Impl {
 public:
  explicit Impl(TokenizerSpec spec)
      : spec_(std::move(spec)),
        pre_tokenizer_(spec_.pre_tokenizer),
        raw_tokens_(make_matcher(spec_.added_tokens, false, spec_.nfc)),
        normalized_tokens_(make_matcher(spec_.added_tokens, true, spec_.nfc)),
        whole_words_(spec_.vocabulary.id_end()),
        cache_owner_(WordCache::new_owner()) {
    id_end_ = spec_.vocabulary.id_end();
    for (size_t i = 0; i < spec_.added_tokens.size(); ++i) {
      const AddedToken& token = spec_.added_tokens[i];
      added_by_content_.emplace(token.content, token.id);
      added_by_id_.emplace(token.id, i);
      id_end_ = std::max(id_end_, token.id + 1);
    }
  }

  void encode(std::string_view text, SpecialTokens special, std::vector<int32_t>& ids) const {
    require_utf8(text);
    size_t before = ids.size();
    try {
      if (special == SpecialTokens::kAsText) {
        std::string storage;
        append_plain(normalized(text, storage), ids);
      } else {
        with_tokens(raw_tokens_, text, ids, [&](std::string_view stretch) {
          std::string storage;
          with_tokens(normalized_tokens_, normalized(stretch, storage), ids,
                      [&](std::string_view plain) { append_plain(plain, ids); });
        });
      }
    } catch (...) {
      ids.resize(before);
      throw;
    }
  }

  std::vector<TokenPiece> pieces(std::string_view text, SpecialTokens special) const {
    require_utf8(text);
    std::vector<Place> places;
    if (special == SpecialTokens::kAsText) {
      place_normalized(text, 0, false, places);
    } else {
      for (const AddedTokenMatcher::Stretch& stretch : stretches(raw_tokens_, text)) {
        if (stretch.id >= 0) {
          places.push_back({stretch.id, stretch.begin, stretch.end, is_special(stretch.id)});
        } else {
          place_normalized(text.substr(stretch.begin, stretch.end - stretch.begin), stretch.begin, true,
                           places);
        }
      }
    }
    return cut_pieces(text, places);
  }

  std::string decode(std::span<const int32_t> ids) const {
    std::string bytes;
    for (int32_t id : ids) {
      if (auto added = added_by_id_.find(id); added != added_by_id_.end()) {
        bytes += spec_.added_tokens[added->second].content;
      } else if (std::optional<std::string_view> token = spec_.vocabulary.bytes_of(id)) {
        bytes += *token;
      } else {
        throw Error(
            ErrorCode::kInvalidArgument,
            fmt::format("no token has the id {}; the ids of this tokenizer are below {}", id, id_end_));
      }
    }
    return bytes;
  }

  std::optional<int32_t> token_id(std::string_view token) const {
    if (auto added = added_by_content_.find(std::string(token)); added != added_by_content_.end()) {
      return added->second;
    }
    if (first_invalid_utf8(token) != token.size()) return std::nullopt;
    int32_t id = spec_.vocabulary.find_written(token);
    return id < 0 ? std::nullopt : std::optional(id);
  }

  int32_t vocab_size() const { return id_end_; }

 private:
  std::string_view normalized(std::string_view text, std::string& storage) const {
    return spec_.nfc ? to_nfc(text, storage) : text;
  }

  // Appends the ids of the added tokens in `text` and calls visit for the text between them, in order.
  template <typename Visit>
  void with_tokens(const AddedTokenMatcher& matcher, std::string_view text, std::vector<int32_t>& ids,
                   const Visit& visit) const {
    if (matcher.is_empty()) return visit(text);
    for (const AddedTokenMatcher::Stretch& stretch : stretches(matcher, text)) {
      if (stretch.id >= 0) {
        ids.push_back(stretch.id);
      } else {
        visit(text.substr(stretch.begin, stretch.end - stretch.begin));
      }
    }
  }

  static std::vector<AddedTokenMatcher::Stretch> stretches(const AddedTokenMatcher& matcher,
                                                           std::string_view text) {
    std::vector<AddedTokenMatcher::Stretch> found;
    matcher.find(text, found);
    return found;
  }

  // `begin` is where `text` begins in the whole.
  void place_normalized(std::string_view text, size_t begin, bool parse, std::vector<Place>& places) const {
    std::string storage;
    NormalText normal{text, begin, {}};
    if (spec_.nfc) normal.text = to_nfc(text, storage, normal.origins);
    if (!parse) return place_plain(normal, 0, normal.text.size(), places);
    for (const AddedTokenMatcher::Stretch& stretch : stretches(normalized_tokens_, normal.text)) {
      if (stretch.id >= 0) {
        places.push_back(normal.place(stretch.id, stretch.begin, stretch.end, is_special(stretch.id)));
      } else {
        place_plain(normal, stretch.begin, stretch.end, places);
      }
    }
  }

  // The tokens of the normal bytes [begin, end).
  void place_plain(const NormalText& normal, size_t begin, size_t end, std::vector<Place>& places) const {
    WordCache& cache = WordCache::of_this_thread();
    std::vector<int32_t> ids;
    pre_tokenizer_.split(normal.text.substr(begin, end - begin), [&](std::string_view word) {
      ids.clear();
      append_word(word, fetch_pair(word, cache), ids);
      // A space that the tokenizer puts before a word is not in the text; a word that it leaves out is.
      size_t before = word.front() == ' ' && normal.text[begin] != ' ' ? 1 : 0;
      begin = normal.text.find(word.substr(before), begin);
      for (const int32_t id : ids) {
        size_t size = spec_.vocabulary.bytes_of(id)->size();
        const size_t added = std::min(before, size);
        before -= added;
        size -= added;
        places.push_back(normal.place(id, begin, begin + size, false));
        begin += size;
      }
    });
  }

  // A word is looked up some words after its place in the cache is known: the megabyte of the cache is seldom
  // near, and waiting for it word by word took a third of all the time.
  void append_plain(std::string_view text, std::vector<int32_t>& ids) const {
    WordCache& cache = WordCache::of_this_thread();
    struct Fetched {
      std::string_view word;
      WordCache::Pair* pair;
    };
    std::array<Fetched, 16> fetched;
    size_t num_fetched = 0;
    const auto append_fetched = [&] {
      for (size_t i = 0; i < num_fetched; ++i) append_word(fetched[i].word, fetched[i].pair, ids);
      num_fetched = 0;
    };
    pre_tokenizer_.split(text, [&](std::string_view word) {
      // A copy with a space before it is gone after this call.
      const bool is_copy = std::less<>()(word.data(), text.data()) ||
                           std::less<>()(text.data() + text.size(), word.data() + word.size());
      fetched[num_fetched++] = {word, fetch_pair(word, cache)};
      if (is_copy || num_fetched == fetched.size()) append_fetched();
    });
    append_fetched();
  }

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

  void append_uncached(std::string_view word, std::vector<int32_t>& ids) const {
    const int32_t whole = spec_.vocabulary.find(word);
    if (whole >= 0 && (spec_.ignore_merges ? !is_special(whole) : whole_words_.holds(whole))) {
      ids.push_back(whole);
      return;
    }
    const size_t before = ids.size();
    append_merged(word, spec_.byte_ids, spec_.merges, ids);
    if (whole >= 0 && ids.size() == before + 1 && ids.back() == whole) whole_words_.add(whole);
  }

  bool is_special(int32_t id) const {
    auto added = added_by_id_.find(id);
    return added != added_by_id_.end() && spec_.added_tokens[added->second].special;
  }

  TokenizerSpec spec_;
  PreTokenizer pre_tokenizer_;
  AddedTokenMatcher raw_tokens_;
  AddedTokenMatcher normalized_tokens_;
  std::unordered_map<std::string, int32_t> added_by_content_;
  std::unordered_map<int32_t, size_t> added_by_id_;
  int32_t id_end_ = 0;
  mutable WholeWords whole_words_;  // so far met
  uint32_t cache_owner_;
};

Tokenizer::Tokenizer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;
Tokenizer::~Tokenizer() = default;

Tokenizer Tokenizer::load(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  std::ostringstream text;
  if (!stream || !(text << stream.rdbuf())) {
    throw Error(
        ErrorCode::kNotFound,
        fmt::format("{}: cannot be read; give the path of a Hugging Face tokenizer.json", file.string()));
  }
  return parse(text.view(), file.string());
}

Tokenizer Tokenizer::parse(std::string_view json, std::string_view name) {
  return Tokenizer(std::make_unique<Impl>(read_tokenizer_spec(json, name)));
}

void Tokenizer::encode(std::string_view text, SpecialTokens special, std::vector<int32_t>& ids) const {
  impl_->encode(text, special, ids);
}
std::vector<TokenPiece> Tokenizer::pieces(std::string_view text, SpecialTokens special) const {
  return impl_->pieces(text, special);
}
std::string Tokenizer::decode(std::span<const int32_t> ids) const {
  return impl_->decode(ids);
}
std::optional<int32_t> Tokenizer::token_id(std::string_view token) const {
  return impl_->token_id(token);
}
int32_t Tokenizer::vocab_size() const {
  return impl_->vocab_size();
}

}  // namespace rerank
