#include "tokenizer/tokenizer_impl.h"

#include <fmt/format.h>

#include <algorithm>

#include "rerank/error.h"
#include "tokenizer/nfc.h"
#include "tokenizer/utf8.h"

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

void refuse_utf8(std::string_view text, size_t bad) {
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("the text is not valid UTF-8 at byte {} (value {:#04x})", bad,
                          static_cast<unsigned>(static_cast<unsigned char>(text[bad]))));
}

void require_utf8(std::string_view text) {
  const size_t bad = first_invalid_utf8(text);
  if (bad != text.size()) refuse_utf8(text, bad);
}

void refuse_stretch() {
  throw Error(
      ErrorCode::kInvalidArgument,
      fmt::format("the text has a stretch of more than {} bytes without a place to cut it into words; "
                  "shorten it, or put spaces or line breaks into it",
                  Tokenizer::kMaxStretchBytes));
}

Tokenizer::Impl::Impl(TokenizerSpec spec)
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

std::string Tokenizer::Impl::decode(std::span<const int32_t> ids) const {
  std::string bytes;
  for (int32_t id : ids) {
    if (auto added = added_by_id_.find(id); added != added_by_id_.end()) {
      bytes += spec_.added_tokens[added->second].content;
    } else if (std::optional<std::string_view> token = spec_.vocabulary.bytes_of(id)) {
      bytes += *token;
    } else {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("no token has the id {}; the ids of this tokenizer are below {}", id, id_end_));
    }
  }
  return bytes;
}

std::optional<int32_t> Tokenizer::Impl::token_id(std::string_view token) const {
  if (auto added = added_by_content_.find(std::string(token)); added != added_by_content_.end()) {
    return added->second;
  }
  if (first_invalid_utf8(token) != token.size()) return std::nullopt;
  int32_t id = spec_.vocabulary.find_written(token);
  return id < 0 ? std::nullopt : std::optional(id);
}

bool Tokenizer::Impl::is_special(int32_t id) const {
  auto added = added_by_id_.find(id);
  return added != added_by_id_.end() && spec_.added_tokens[added->second].special;
}

std::string_view Tokenizer::Impl::normalized(std::string_view text, std::string& storage) const {
  return spec_.nfc ? to_nfc(text, storage) : text;
}

size_t Tokenizer::Impl::cut_of(std::string_view prefix) const {
  return spec_.nfc ? last_nfc_boundary(prefix) : last_code_point(prefix);
}

void Tokenizer::Impl::append_uncached(std::string_view word, std::vector<int32_t>& ids) const {
  if (word.size() > kMaxStretchBytes) refuse_stretch();
  const int32_t whole = spec_.vocabulary.find(word);
  if (whole >= 0 && (spec_.ignore_merges ? !is_special(whole) : whole_words_.holds(whole))) {
    ids.push_back(whole);
    return;
  }
  const size_t before = ids.size();
  append_merged(word, spec_.byte_ids, spec_.merges, ids);
  if (whole >= 0 && ids.size() == before + 1 && ids.back() == whole) whole_words_.add(whole);
}

}  // namespace rerank
