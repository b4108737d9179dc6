#include "engine/request_encoder.h"

#include <fmt/format.h>

#include <utility>

#include "engine/part_encoding.h"
#include "rerank/error.h"

namespace rerank {

void check_request(const Request& request, std::int32_t max_model_len) {
  require(request.max_tokens_per_query >= 0, "max_tokens_per_query must be a non-negative integer");
  require(request.max_tokens_per_document >= 0, "max_tokens_per_doc must be a non-negative integer");
  require(request.max_tokens_per_pair >= 0, "truncate_prompt_tokens must be a non-negative integer");
  if (request.max_tokens_per_pair > max_model_len) {
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format("truncate_prompt_tokens value ({}) is greater than max_model_len ({}). Please request a "
                    "smaller truncation size.",
                    request.max_tokens_per_pair, max_model_len));
  }
  if (!request.queries.empty() && request.queries.size() != request.documents.size()) {
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format("queries has {} texts and documents {}: give one query for each document, or none and "
                    "`query` for all of them",
                    request.queries.size(), request.documents.size()));
  }
}

RequestEncoder::RequestEncoder(Tokenizer tokenizer, EncoderOptions options)
    : tokenizer_(std::move(tokenizer)),
      options_(options),
      special_(options.parse_special_tokens ? SpecialTokens::kParse : SpecialTokens::kAsText) {
  tokenizer_.encode(Qwen3Prompt::suffix(options_.suffix).text, SpecialTokens::kParse, suffix_);
  tokenizer_.encode(Qwen3Prompt::preamble_start(), SpecialTokens::kParse, preamble_start_);
  default_preamble_ = preamble_start_;
  const std::string instruction = Qwen3Prompt::preamble(Qwen3Prompt::kDefaultInstruction).back().text;
  tokenizer_.encode(instruction, special_, default_preamble_);
}

std::vector<std::int32_t> RequestEncoder::encode_text(const std::string& text) const {
  std::vector<std::int32_t> ids;
  try {
    tokenizer_.encode(text, special_, ids);
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("text: {}", error.what()));
  }
  return ids;
}

void RequestEncoder::append_after_query(std::vector<std::int32_t>& ids) const {
  tokenizer_.encode(Qwen3Prompt::kAfterQuery, special_, ids);
}

EncodedHead RequestEncoder::encode_head(const Request& request, std::size_t document) const {
  PartEncoding preamble(*this, request, PromptPart::kPreamble, document, 0);
  preamble.run();
  EncodedHead head{preamble.take_ids(), {}};
  PartEncoding query(*this, request, PromptPart::kQuery, document, head.num_tokens());
  query.run();
  head.query = query.take_ids();
  return head;
}

EncodedDocument RequestEncoder::encode_document(const Request& request, std::size_t document,
                                                const EncodedHead& head) const {
  PartEncoding encoding(*this, request, PromptPart::kDocument, document, head.num_tokens());
  encoding.run();
  return {encoding.take_ids(), encoding.truncated()};
}

}  // namespace rerank
