#include "tokenizer/tokenizer_impl.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/utf8.h"
#include "rerank/error.h"

namespace rerank {
namespace {

// The tokens to look for in normalized text, or in the text as it is.
AddedTokenMatcher make_matcher(const std::vector<AddedToken>& tokens, bool normalized,
                               const Normalizer& normalizer) {
  std::vector<AddedToken> chosen;
  for (const AddedToken& token : tokens) {
    if (token.normalized != normalized) continue;
    chosen.push_back(token);
    std::string storage;
    if (normalized) chosen.back().content = std::string(normalizer.normalized(token.content, storage));
  }
  return AddedTokenMatcher(std::move(chosen));
}

// What SentencePiece calls user-defined symbols: tokens of the model that are found before it is asked.
AddedTokenMatcher make_text_matcher(const TokenizerSpec& spec) {
  std::vector<AddedToken> chosen;
  for (const AddedToken& token : spec.added_tokens) {
    const bool is_known = spec.vocabulary.find(token.content) == token.id;
    if (spec.byte_fallback && !token.special && is_known) chosen.push_back(token);
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
      normalizer_(spec_.normalizer),
      pre_tokenizer_(spec_.pre_tokenizer),
      decoder_(spec_.decoder),
      raw_tokens_(make_matcher(spec_.added_tokens, false, normalizer_)),
      normalized_tokens_(make_matcher(spec_.added_tokens, true, normalizer_)),
      text_tokens_(make_text_matcher(spec_)),
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
  std::string storage;
  for (int32_t id : ids) {
    if (auto added = added_by_id_.find(id); added != added_by_id_.end()) {
      bytes += decoder_.apply(spec_.added_tokens[added->second].content, storage);
    } else if (std::optional<std::string_view> token = spec_.vocabulary.bytes_of(id)) {
      const std::optional<unsigned char> byte = spec_.byte_fallback ? byte_of_token(*token) : std::nullopt;
      if (byte) {
        bytes += static_cast<char>(*byte);
      } else {
        bytes += decoder_.apply(*token, storage);
      }
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

bool Tokenizer::Impl::splits_between(std::string_view before, std::string_view after) const {
  if (!spec_.byte_fallback) return true;
  const auto spans = [&](const AddedToken& token) {
    for (size_t size = 1; size < token.content.size(); ++size) {
      const std::string_view begin = std::string_view(token.content).substr(0, size);
      const std::string_view end = std::string_view(token.content).substr(size);
      if (before.ends_with(begin) && (after.starts_with(end) || end.starts_with(after))) return true;
    }
    return false;
  };
  if (std::ranges::any_of(spec_.added_tokens, spans)) return false;
  const auto is_beside = [&](const AddedToken& token) {
    return before.ends_with(token.content) || after.starts_with(token.content);
  };
  if (std::ranges::any_of(spec_.added_tokens, is_beside)) return true;
  std::string left_storage;
  std::string right_storage;
  const std::string_view left = normalizer_.normalized(before, left_storage);
  const std::string_view right = normalizer_.normalized(after, right_storage);
  size_t at = 0;
  return !left.empty() && !right.empty() &&
         !spec_.joins.holds(previous_code_point(left, left.size()), next_code_point(right, at));
}

size_t Tokenizer::Impl::num_bytes_of(int32_t id) const {
  const std::string_view token = *spec_.vocabulary.bytes_of(id);
  return spec_.byte_fallback && byte_of_token(token) ? 1 : token.size();
}

void Tokenizer::Impl::append_uncached(std::string_view word, std::vector<int32_t>& ids) const {
  if (word.size() > kMaxStretchBytes) refuse_stretch();
  const int32_t whole = spec_.vocabulary.find(word);
  if (whole >= 0 && (spec_.ignore_merges ? !is_special(whole) : whole_words_.holds(whole))) {
    ids.push_back(whole);
    return;
  }
  const size_t before = ids.size();
  if (spec_.byte_fallback) {
    static thread_local std::vector<int32_t> symbols;
    symbols.clear();
    append_symbols(word, spec_.vocabulary, spec_.byte_ids, symbols);
    append_merged(symbols, spec_.merges, ids);
  } else {
    append_merged(word, spec_.byte_ids, spec_.merges, ids);
  }
  if (whole >= 0 && ids.size() == before + 1 && ids.back() == whole) whole_words_.add(whole);
}

}  // namespace rerank
