// The order of the steps: added tokens, normalization, added tokens again, pre-tokens, merges.
#include "tokenizer/tokenizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <unordered_map>

#include "rerank/error.h"
#include "tokenizer/added_tokens.h"
#include "tokenizer/nfc.h"
#include "tokenizer/pre_tokenizer.h"
#include "tokenizer/tokenizer_spec.h"
#include "tokenizer/utf8.h"
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

}  // namespace

class Tokenizer::Impl {
 public:
  explicit Impl(TokenizerSpec spec)
      : spec_(std::move(spec)),
        pre_tokenizer_(spec_.pre_tokenizer),
        raw_tokens_(make_matcher(spec_.added_tokens, false, spec_.nfc)),
        normalized_tokens_(make_matcher(spec_.added_tokens, true, spec_.nfc)),
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
    if (size_t bad = first_invalid_utf8(text); bad != text.size()) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("the text is not valid UTF-8 at byte {} (value {:#04x})", bad,
                              static_cast<unsigned>(static_cast<unsigned char>(text[bad]))));
    }
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
    std::vector<AddedTokenMatcher::Stretch> stretches;
    matcher.find(text, stretches);
    for (const AddedTokenMatcher::Stretch& stretch : stretches) {
      if (stretch.id >= 0) {
        ids.push_back(stretch.id);
      } else {
        visit(text.substr(stretch.begin, stretch.end - stretch.begin));
      }
    }
  }

  void append_plain(std::string_view text, std::vector<int32_t>& ids) const {
    WordCache& cache = WordCache::of_this_thread();
    pre_tokenizer_.split(text, [&](std::string_view word) { append_word(word, cache, ids); });
  }

  void append_word(std::string_view word, WordCache& cache, std::vector<int32_t>& ids) const {
    if (word.size() > WordCache::kMaxWordBytes) return append_uncached(word, ids);
    WordCache::Slot& slot = cache.slot(cache_owner_, word);
    if (WordCache::holds(slot, cache_owner_, word)) {
      ids.insert(ids.end(), slot.ids, slot.ids + slot.num_ids);
      return;
    }
    size_t before = ids.size();
    append_uncached(word, ids);
    WordCache::fill(slot, cache_owner_, word, ids.data() + before, ids.size() - before);
  }

  void append_uncached(std::string_view word, std::vector<int32_t>& ids) const {
    int32_t whole = spec_.ignore_merges ? spec_.vocabulary.find(word) : -1;
    if (whole >= 0 && !is_special(whole)) {
      ids.push_back(whole);
    } else {
      append_merged(word, spec_.byte_ids, spec_.merges, ids);
    }
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
