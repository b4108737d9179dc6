#include "engine/part_encoding.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/request_encoder.h"
#include "engine/request_queries.h"
#include "rerank/error.h"

namespace rerank {
namespace {

void cut(std::vector<std::int32_t>& ids, std::int32_t limit) {
  if (static_cast<std::int32_t>(ids.size()) > limit) ids.resize(static_cast<std::size_t>(limit));
}

}  // namespace

PartEncoding::PartEncoding(const RequestEncoder& encoder, const Request& request, PromptPart part,
                           std::size_t document, std::int32_t tokens_before)
    : encoder_(encoder), request_(request), part_(part), document_(document), tokens_before_(tokens_before) {
  switch (part) {
    case PromptPart::kPreamble:
      if (request.instruction.empty()) {
        ids_ = encoder.default_preamble();
      } else {
        ids_ = encoder.preamble_start();
        begin_text(Qwen3Prompt::kBeforeInstruction, request.instruction, Qwen3Prompt::kAfterInstruction,
                   room());
      }
      break;
    case PromptPart::kQuery:
      query_may_be_cut_ = request.max_tokens_per_query > 0;
      if (query_may_be_cut_) {
        begin_text(Qwen3Prompt::kBeforeQuery, query_of(request, document), "",
                   std::min(request.max_tokens_per_query, room()));
      } else {
        begin_text(Qwen3Prompt::kBeforeQuery, query_of(request, document), Qwen3Prompt::kAfterQuery, room());
      }
      break;
    case PromptPart::kDocument:
      begin_text(
          Qwen3Prompt::kBeforeDocument, request.documents[document], "",
          request.max_tokens_per_document > 0 ? std::min(request.max_tokens_per_document, room()) : room());
      break;
  }
}

void PartEncoding::begin_text(std::string_view before, std::string_view text, std::string_view after,
                              std::int32_t max_tokens) {
  encoder_.begin_text(
      {{before, SpecialTokens::kParse}, {text, encoder_.special()}, {after, SpecialTokens::kParse}},
      static_cast<std::size_t>(std::max(max_tokens, 0)), text_);
}

std::int32_t PartEncoding::room() const {
  return encoder_.pair_limit(request_) - tokens_before_ - static_cast<std::int32_t>(ids_.size()) -
         static_cast<std::int32_t>(encoder_.suffix().size());
}

std::string PartEncoding::field() const {
  switch (part_) {
    case PromptPart::kPreamble:
      return "instruction";
    case PromptPart::kQuery:
      return request_.queries.empty() ? "query" : fmt::format("queries[{}]", document_);
    case PromptPart::kDocument:
      break;
  }
  return fmt::format("documents[{}]", document_);
}

bool PartEncoding::advance() {
  try {
    if (text_ && !text_->advance()) return false;
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("{}: {}", field(), error.what()));
  }
  switch (part_) {
    case PromptPart::kPreamble:
      return finish_preamble();
    case PromptPart::kQuery:
      return finish_query();
    case PromptPart::kDocument:
      break;
  }
  return finish_document();
}

bool PartEncoding::finish_preamble() {
  if (text_ && num_text_tokens() > room()) refuse_head(num_text_tokens(), text_->is_whole());
  if (text_) ids_.insert(ids_.end(), text_->ids().begin(), text_->ids().end());
  return true;
}

bool PartEncoding::finish_query() {
  const bool is_too_long = query_may_be_cut_ && num_text_tokens() > request_.max_tokens_per_query;
  if (query_may_be_cut_ && !is_too_long && text_->is_whole()) {
    // What is not cut is encoded together with what follows it, as the whole prompt would be.
    query_may_be_cut_ = false;
    begin_text(Qwen3Prompt::kBeforeQuery, query_of(request_, document_), Qwen3Prompt::kAfterQuery, room());
    return false;
  }
  if (is_too_long) {
    std::vector<std::int32_t> ids = text_->take_ids();
    cut(ids, request_.max_tokens_per_query);
    encoder_.append_after_query(ids);
    const auto size = static_cast<std::int32_t>(ids.size());
    if (size > room()) refuse_head(size, true);
    ids_ = std::move(ids);
    return true;
  }
  if (num_text_tokens() > room()) refuse_head(num_text_tokens(), text_->is_whole());
  ids_ = text_->take_ids();
  return true;
}

bool PartEncoding::finish_document() {
  const std::int32_t most =
      request_.max_tokens_per_document > 0 ? request_.max_tokens_per_document : INT32_MAX;
  const std::int32_t size = std::min(num_text_tokens(), most);
  if (size > room() && !request_.truncate) refuse_document(size);
  truncated_ = num_text_tokens() > std::min(most, room());
  std::vector<std::int32_t> ids = text_->take_ids();
  cut(ids, std::min(size, room()));
  ids.insert(ids.end(), encoder_.suffix().begin(), encoder_.suffix().end());
  ids_ = std::move(ids);
  return true;
}

std::string PartEncoding::limit_sentence() const {
  const std::int32_t limit = encoder_.pair_limit(request_);
  return limit == encoder_.max_model_len()
             ? fmt::format("This model's maximum context length is {} tokens.", limit)
             : fmt::format("The request's truncate_prompt_tokens is {} tokens.", limit);
}

std::string PartEncoding::shown_tokens(std::int32_t num_tokens, bool is_exact) const {
  const std::int32_t limit = encoder_.pair_limit(request_);
  return is_exact ? fmt::format("{} tokens", limit - room() + num_tokens)
                  : fmt::format("more than {} tokens", limit);
}

void PartEncoding::refuse_head(std::int32_t num_tokens, bool is_exact) const {
  const bool is_preamble = part_ == PromptPart::kPreamble;
  const std::string texts = is_preamble ? "the instruction and the prompt around it"
                                        : fmt::format("{}, the instruction and the prompt around them",
                                                      request_.queries.empty() ? "the query" : field());
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("{} However, {} alone take {}. {}: of the {}instruction.", limit_sentence(), texts,
                          shown_tokens(num_tokens, is_exact), kReduceLengthPhrase,
                          is_preamble ? "" : "query or the "));
}

void PartEncoding::refuse_document(std::int32_t num_tokens) const {
  throw Error(
      ErrorCode::kInvalidArgument,
      fmt::format("{} However, {} makes a prompt of {}. {}, or let it be truncated.", limit_sentence(),
                  field(), shown_tokens(num_tokens, text_->is_whole()), kReduceLengthPhrase));
}

}  // namespace rerank
