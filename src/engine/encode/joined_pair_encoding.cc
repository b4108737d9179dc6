#include "engine/encode/joined_pair_encoding.h"

#include <algorithm>
#include <utility>

#include "engine/encode/length_refusal.h"
#include "engine/encode/request_queries.h"
#include "rerank/error.h"

namespace rerank {

JoinedPairEncoding::JoinedPairEncoding(const RequestEncoder& encoder, const Request& request)
    : PromptEncoding(encoder, request),
      budget_(encoder.pair_limit(request) - encoder.pair_frame().num_special_tokens()) {}

void JoinedPairEncoding::begin(std::size_t document) {
  const SpecialTokens special = encoder_.special_of_users();
  for (const PromptText& text : encoder_.prompt().pair->text) {
    if (text.needs_instruction && encoder_.instruction_of(request_).empty()) continue;
    if (!text.words.empty()) parts_.push_back({{text.words, SpecialTokens::kParse}});
    if (text.field == PromptField::kQuery) {
      parts_.push_back({{query_of(request_, document), special}, text.field, request_.max_tokens_per_query});
    } else if (text.field == PromptField::kDocument) {
      parts_.push_back(
          {{request_.documents[document], special}, text.field, request_.max_tokens_per_document});
    } else if (text.field == PromptField::kInstruction) {
      parts_.push_back({{encoder_.instruction_of(request_), special}, text.field});
    }
  }
  next_cut_ = next_ = 0;
  ids_.clear();
  is_whole_ = true;
}

bool JoinedPairEncoding::encode_document(std::size_t document) {
  if (parts_.empty()) begin(document);
  if (!cut_parts(document) || !append_parts(document)) return false;
  const auto size = static_cast<std::int32_t>(ids_.size());
  if (size > budget_ && (!request_.truncate || budget_ < 0)) {
    refuse_length(encoder_, request_,
                  {.field = PromptField::kDocument,
                   .document = document,
                   .num_tokens = encoder_.pair_frame().num_special_tokens() + size,
                   .is_exact = is_whole_});
  }
  ids_.resize(static_cast<std::size_t>(std::min(size, budget_)));
  document_ = encoder_.pair_frame().around(ids_, {});
  document_.truncated = size > budget_ || std::ranges::any_of(parts_, [](const Part& part) {
                          return part.field == PromptField::kDocument && part.cut;
                        });
  parts_.clear();
  return true;
}

bool JoinedPairEncoding::cut_parts(std::size_t document) {
  for (; next_cut_ < parts_.size(); ++next_cut_) {
    Part& part = parts_[next_cut_];
    if (part.limit == 0) continue;
    if (!advance_text(document, next_cut_, next_cut_ + 1, part.limit)) return false;
    TokenIds ids = text_->take_ids();
    text_.reset();
    if (ids.size() <= static_cast<std::size_t>(part.limit)) continue;
    ids.resize(static_cast<std::size_t>(part.limit));
    part.cut = std::move(ids);
  }
  return true;
}

bool JoinedPairEncoding::append_parts(std::size_t document) {
  while (next_ < parts_.size()) {
    const std::int32_t room = budget_ - static_cast<std::int32_t>(ids_.size());
    if (room < 0) {
      is_whole_ = false;
      return true;
    }
    std::size_t end = next_ + 1;
    if (parts_[next_].cut) {
      ids_.insert(ids_.end(), parts_[next_].cut->begin(), parts_[next_].cut->end());
    } else {
      while (end < parts_.size() && !parts_[end].cut) ++end;
      if (!advance_text(document, next_, end, room)) return false;
      is_whole_ = is_whole_ && text_->is_whole();
      ids_.insert(ids_.end(), text_->ids().begin(), text_->ids().end());
      text_.reset();
    }
    next_ = end;
  }
  return true;
}

bool JoinedPairEncoding::advance_text(std::size_t document, std::size_t first, std::size_t end,
                                      std::int32_t max_ids) {
  if (!text_) {
    std::vector<TextPart> texts;
    for (std::size_t part = first; part < end; ++part) texts.push_back(parts_[part].text);
    text_.emplace(encoder_.tokenizer(), std::move(texts), static_cast<std::size_t>(max_ids));
  }
  try {
    return text_->advance();
  } catch (const Error& error) {
    const PromptField field = parts_[first + text_->failed_part()].field;
    throw Error(error.code(), subject_of(request_, field, document), error.reason());
  }
}

}  // namespace rerank
