#include "tokenizer/tokenizer_impl.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/utf8.h"
#include "rerank/error.h"
#include "tokenizer/read_added_tokens.h"

namespace rerank {
namespace {

// The tokens to find in normalized text, or those to find in the raw text.
AddedTokenMatcher make_matcher(const TokenizerPipeline& pipeline, bool normalized) {
  std::vector<AddedToken> chosen;
  for (const AddedToken& token : pipeline.added_tokens) {
    if (token.normalized != normalized) continue;
    chosen.push_back(token);
    std::string storage;
    if (normalized) {
      chosen.back().content = std::string(pipeline.normalizers.normalized(token.content, storage));
      if (chosen.back().content.empty()) chosen.pop_back();  // cannot occur
    }
  }
  return AddedTokenMatcher(std::move(chosen));
}

AddedTokenMatcher make_text_matcher(const TokenizerPipeline& pipeline) {
  std::vector<AddedToken> chosen;
  for (const AddedToken& token : pipeline.added_tokens) {
    if (is_text_token(token, *pipeline.model, pipeline.normalizers)) chosen.push_back(token);
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

void refuse_stretch(size_t max_bytes) {
  throw Error(
      ErrorCode::kInvalidArgument,
      fmt::format("the text has a stretch of more than {} bytes without a place to cut it into words; "
                  "shorten it, or put spaces or line breaks into it",
                  max_bytes));
}

Tokenizer::Impl::Impl(TokenizerPipeline pipeline)
    : pipeline_(std::move(pipeline)),
      own_cuts_(pipeline_.model->own_cuts()),
      raw_tokens_(make_matcher(pipeline_, false)),
      normalized_tokens_(make_matcher(pipeline_, true)),
      text_tokens_(make_text_matcher(pipeline_)),
      text_cache_owner_(WordCache::new_owner()),
      parse_cache_owner_(pipeline_.model->looks_at_controls() ? WordCache::new_owner() : text_cache_owner_) {
  id_end_ = pipeline_.model->vocabulary().id_end();
  for (size_t i = 0; i < pipeline_.added_tokens.size(); ++i) {
    const AddedToken& token = pipeline_.added_tokens[i];
    added_by_content_.emplace(token.content, token.id);
    added_by_id_.emplace(token.id, i);
    id_end_ = std::max(id_end_, token.id + 1);
  }
  controls_.resize(static_cast<size_t>(id_end_));
  for (const AddedToken& token : pipeline_.added_tokens) {
    controls_[static_cast<size_t>(token.id)] = token.special;
  }
}

std::string Tokenizer::Impl::decode(std::span<const int32_t> ids) const {
  std::string bytes;
  std::string token;
  for (size_t i = 0; i < ids.size(); ++i) {
    const int32_t id = ids[i];
    if (auto added = added_by_id_.find(id); added != added_by_id_.end()) {
      token = pipeline_.added_tokens[added->second].content;
    } else if (const std::optional<char> byte = pipeline_.model->byte_of(id)) {
      bytes += *byte;
      continue;
    } else if (std::optional<std::string_view> known = pipeline_.model->vocabulary().bytes_of(id)) {
      token = *known;
    } else {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("no token has the id {}; the ids of this tokenizer are below {}", id, id_end_));
    }
    for (const auto& step : pipeline_.decoders) step->decode(token, i == 0);
    bytes += token;
  }
  return bytes;
}

std::optional<int32_t> Tokenizer::Impl::token_id(std::string_view token) const {
  if (auto added = added_by_content_.find(std::string(token)); added != added_by_content_.end()) {
    return added->second;
  }
  if (first_invalid_utf8(token) != token.size()) return std::nullopt;
  int32_t id = pipeline_.model->vocabulary().find_written(token);
  return id < 0 ? std::nullopt : std::optional(id);
}

bool Tokenizer::Impl::is_special(int32_t id) const {
  return controls_[static_cast<size_t>(id)];
}

bool Tokenizer::Impl::splits_between(std::string_view before, std::string_view after) const {
  if (own_cuts_ == nullptr) return true;
  const auto spans = [&](const AddedToken& token) {
    for (size_t size = 1; size < token.content.size(); ++size) {
      const std::string_view begin = std::string_view(token.content).substr(0, size);
      const std::string_view end = std::string_view(token.content).substr(size);
      if (before.ends_with(begin) && (after.starts_with(end) || end.starts_with(after))) return true;
    }
    return false;
  };
  if (std::ranges::any_of(pipeline_.added_tokens, spans)) return false;
  const auto is_beside = [&](const AddedToken& token) {
    return before.ends_with(token.content) || after.starts_with(token.content);
  };
  if (std::ranges::any_of(pipeline_.added_tokens, is_beside)) return true;
  std::string left_storage;
  std::string right_storage;
  const std::string_view left = normalizers().normalized(before, left_storage);
  const std::string_view right = normalizers().normalized(after, right_storage);
  size_t at = 0;
  return !left.empty() && !right.empty() &&
         !pipeline_.model->joins(previous_code_point(left, left.size()), next_code_point(right, at));
}

void Tokenizer::Impl::append_word(std::string_view word, SpecialTokens special, std::vector<int32_t>& ids,
                                  std::vector<size_t>& ends) const {
  append_uncached(word, special, ids, &ends);
}

void Tokenizer::Impl::append_uncached(std::string_view word, SpecialTokens special, std::vector<int32_t>& ids,
                                      std::vector<size_t>* ends) const {
  static const ControlTokens kNone;
  if (word.size() > max_stretch_bytes()) refuse_stretch(max_stretch_bytes());
  pipeline_.model->append(word, special == SpecialTokens::kParse ? kNone : controls_, ids, ends);
}

}  // namespace rerank
