#include "engine/encode/pair_encoding.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "engine/encode/length_refusal.h"
#include "engine/encode/request_queries.h"
#include "rerank/error.h"

namespace rerank {
namespace {

// If both texts exceed the whole budget, the odd token depends on their lengths, which nothing else needs.
// They are compared up to this length, which takes about 20 ms to encode.
constexpr std::int32_t kMostCompared = 1 << 16;

// 0: no limit.
std::int32_t limit_or_none(std::int32_t limit) {
  return limit > 0 ? limit : INT32_MAX;
}

std::span<const std::int32_t> first_of(const TokenIds& ids, std::int32_t size) {
  return std::span(ids).first(static_cast<std::size_t>(size));
}

}  // namespace

PairSizes longest_first(PairSizes found, std::int32_t budget) {
  const auto& [query, document] = found;
  if (query + document <= budget) return found;
  const std::int32_t half = budget / 2;
  if (query <= half) return {query, budget - query};
  if (document <= half) return {budget - document, document};
  return query > document ? PairSizes{budget - half, half} : PairSizes{half, budget - half};
}

PairEncoding::PairEncoding(const RequestEncoder& encoder, const Request& request)
    : PromptEncoding(encoder, request),
      budget_(encoder.pair_limit(request) - encoder.pair_frame().num_special_tokens()) {
  if (budget_ < 0) {
    throw Error(ErrorCode::kInvalidArgument, {.member = "max_tokens_per_pair"},
                fmt::format("{} is less than the {} special tokens of a pair: raise it",
                            request.max_tokens_per_pair, encoder.pair_frame().num_special_tokens()));
  }
}

bool PairEncoding::advance_text(PromptField field, std::size_t document, std::int32_t max_ids) {
  if (!text_) {
    const std::string& text =
        field == PromptField::kQuery ? query_of(request_, document) : request_.documents[document];
    text_.emplace(encoder_.tokenizer(), std::vector<TextPart>{{text, encoder_.special_of_users()}},
                  static_cast<std::size_t>(max_ids));
  }
  try {
    return text_->advance();
  } catch (const Error& error) {
    throw Error(error.code(), subject_of(request_, field, document), error.reason());
  }
}

bool PairEncoding::encode_head(std::size_t document) {
  const std::int32_t own_limit = limit_or_none(request_.max_tokens_per_query);
  const bool may_be_compared = request_.truncate && budget_ % 2 == 1;
  const std::int32_t most = may_be_compared ? std::max(budget_, kMostCompared) : budget_;
  if (!advance_text(PromptField::kQuery, document, std::min(most, own_limit))) return false;
  const bool is_whole = text_->is_whole();
  TokenIds ids = text_->take_ids();
  text_.reset();
  const auto found = static_cast<std::int32_t>(ids.size());
  head_ = {};
  head_.num_query_tokens = std::min(found, own_limit);
  if (head_.num_query_tokens > budget_ && !request_.truncate) {
    refuse_length(encoder_, request_,
                  {.field = PromptField::kQuery,
                   .document = document,
                   .num_tokens = encoder_.pair_limit(request_) - budget_ + head_.num_query_tokens,
                   .is_exact = is_whole || found > own_limit});
  }
  ids.resize(static_cast<std::size_t>(std::min(head_.num_query_tokens, budget_)));
  head_.query = std::move(ids);
  return true;
}

bool PairEncoding::encode_document(std::size_t document) {
  const std::int32_t own_limit = limit_or_none(request_.max_tokens_per_document);
  const std::int32_t most = budget_ % 2 == 1 ? std::max(budget_, head_.num_query_tokens) : budget_;
  if (!advance_text(PromptField::kDocument, document, std::min(most, own_limit))) return false;
  const bool is_whole = text_->is_whole();
  const TokenIds ids = text_->take_ids();
  text_.reset();
  const auto size = static_cast<std::int32_t>(ids.size());
  const PairSizes found{head_.num_query_tokens, std::min(size, own_limit)};
  const PairSizes kept = longest_first(found, budget_);
  if (kept != found && !request_.truncate) {
    refuse_length(encoder_, request_,
                  {.field = PromptField::kDocument,
                   .document = document,
                   .num_tokens = encoder_.pair_limit(request_) - budget_ + found.query + found.document,
                   .is_exact = is_whole || size > own_limit});
  }
  document_ = encoder_.pair_frame().around(first_of(head_.query, kept.query), first_of(ids, kept.document));
  document_.truncated = kept != found || size > own_limit;
  return true;
}

}  // namespace rerank
