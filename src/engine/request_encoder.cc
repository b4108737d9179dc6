#include "engine/request_encoder.h"

#include <fmt/format.h>

#include <utility>

#include "engine/request_queries.h"
#include "rerank/error.h"

namespace rerank {
namespace {

void cut(std::vector<std::int32_t>& ids, std::int32_t limit) {
  if (static_cast<std::int32_t>(ids.size()) > limit) ids.resize(static_cast<std::size_t>(limit));
}

}  // namespace

void check_request(const Request& request, std::int32_t max_model_len) {
  require(request.max_tokens_per_query >= 0, "max_tokens_per_query must be a non-negative integer");
  require(request.max_tokens_per_document >= 0, "max_tokens_per_doc must be a non-negative integer");
  require(request.max_tokens_per_pair >= 0, "truncate_prompt_tokens must be a non-negative integer");
  require(request.max_tokens_per_pair <= max_model_len,
          "truncate_prompt_tokens value is greater than max_model_len. Please request a smaller truncation "
          "size.");
  if (!request.queries.empty() && request.queries.size() != request.documents.size()) {
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format("queries has {} texts and documents {}: give one query for each document, or none and "
                    "`query` for all of them",
                    request.queries.size(), request.documents.size()));
  }
}

RequestEncoder::RequestEncoder(Tokenizer tokenizer, EncoderOptions options)
    : tokenizer_(std::move(tokenizer)), options_(options) {
  tokenizer_.encode(Qwen3Prompt::suffix(options_.suffix).text, SpecialTokens::kParse, suffix_);
  default_preamble_ = encode_instruction(Qwen3Prompt::kDefaultInstruction);
}

void RequestEncoder::append_user_text(const std::string& text, const std::string& field,
                                      std::vector<std::int32_t>& ids) const {
  try {
    tokenizer_.encode(text, options_.parse_special_tokens ? SpecialTokens::kParse : SpecialTokens::kAsText,
                      ids);
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("{}: {}", field, error.what()));
  }
}

std::vector<std::int32_t> RequestEncoder::encode_text(const std::string& text) const {
  std::vector<std::int32_t> ids;
  append_user_text(text, "text", ids);
  return ids;
}

std::int32_t RequestEncoder::pair_limit(const Request& request) const {
  return request.max_tokens_per_pair > 0 ? request.max_tokens_per_pair : options_.max_model_len;
}

std::vector<std::int32_t> RequestEncoder::encode_instruction(std::string_view instruction) const {
  std::vector<std::int32_t> ids;
  for (const PromptPiece& piece : Qwen3Prompt::preamble(instruction)) {
    if (piece.is_template) {
      tokenizer_.encode(piece.text, SpecialTokens::kParse, ids);
    } else {
      append_user_text(piece.text, "instruction", ids);
    }
  }
  return ids;
}

std::vector<std::int32_t> RequestEncoder::encode_preamble(const Request& request) const {
  return request.instruction.empty() ? default_preamble_ : encode_instruction(request.instruction);
}

EncodedHead RequestEncoder::encode_head(const Request& request, std::size_t document) const {
  EncodedHead head{encode_preamble(request), {}};
  head.query = encode_query(request, document, head.num_tokens());
  return head;
}

std::vector<std::int32_t> RequestEncoder::encode_query(const Request& request, std::size_t document,
                                                       std::int32_t preamble_tokens) const {
  std::vector<std::int32_t> ids;
  const std::string query = Qwen3Prompt::query(query_of(request, document));
  const std::string field = request.queries.empty() ? "query" : fmt::format("queries[{}]", document);
  if (request.max_tokens_per_query > 0) {
    append_user_text(query, field, ids);
    const bool too_long = static_cast<std::int32_t>(ids.size()) > request.max_tokens_per_query;
    cut(ids, request.max_tokens_per_query);
    if (!too_long) ids.clear();
  }
  // What is not cut is encoded together with what follows it, as the whole prompt would be.
  append_user_text(ids.empty() ? query + Qwen3Prompt::query_end() : Qwen3Prompt::query_end(), field, ids);
  const std::int32_t limit = pair_limit(request);
  const std::int32_t needed =
      preamble_tokens + static_cast<std::int32_t>(ids.size()) + static_cast<std::int32_t>(suffix_.size());
  if (needed > limit) {
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format(
            "This model's maximum context length is {} tokens. However, the query, the instruction and "
            "the prompt around them alone take {} tokens. Please reduce the length of the query or the "
            "instruction.",
            limit, needed));
  }
  return ids;
}

EncodedDocument RequestEncoder::encode_document(const Request& request, std::size_t document,
                                                const EncodedHead& head) const {
  EncodedDocument encoded;
  append_user_text(Qwen3Prompt::document(request.documents[document]), fmt::format("documents[{}]", document),
                   encoded.ids);
  if (request.max_tokens_per_document > 0) {
    encoded.truncated = static_cast<std::int32_t>(encoded.ids.size()) > request.max_tokens_per_document;
    cut(encoded.ids, request.max_tokens_per_document);
  }
  const std::int32_t around = head.num_tokens() + static_cast<std::int32_t>(suffix_.size());
  const std::int32_t room = pair_limit(request) - around;
  const auto size = static_cast<std::int32_t>(encoded.ids.size());
  if (size > room && !request.truncate) {
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format(
            "This model's maximum context length is {} tokens. However, documents[{}] makes a prompt of "
            "{} tokens. Please reduce the length of the input prompt, or let it be truncated.",
            pair_limit(request), document, around + size));
  }
  encoded.truncated = encoded.truncated || size > room;
  cut(encoded.ids, room);
  encoded.ids.insert(encoded.ids.end(), suffix_.begin(), suffix_.end());
  return encoded;
}

}  // namespace rerank
