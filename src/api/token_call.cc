#include "api/token_call.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <limits>
#include <memory>
#include <utility>

#include "api/api_error.h"
#include "api/field_reader.h"
#include "api/json/json_body.h"
#include "api/served_model.h"
#include "text/strict_json.h"

namespace rerank::api {
namespace {

namespace json = boost::json;

// Limits of a request, per token of the longest pair: some tokens are longer than others, and a request may
// have several texts.
constexpr std::int64_t kBytesPerToken = 64;
constexpr std::int64_t kIdsPerToken = 8;

// JSON of a piece, except its text.
constexpr std::size_t kPieceBytes = 112;

void require_room(const RequestRules& rules, std::int64_t size, std::int64_t size_per_token,
                  std::string_view what, std::string_view field) {
  const std::int64_t most = size_per_token * rules.max_model_len;
  if (rules.max_model_len == 0 || size <= most) return;
  throw ApiError(400,
                 fmt::format("{} has {} {}, but a request may have at most {}; send several requests", field,
                             size, what, most),
                 field);
}

// Frees `body`.
std::unique_ptr<JsonBody> take_json(std::string& body, const RequestRules& rules, Allowance& allowance) {
  auto json_body = std::make_unique<JsonBody>(
      body, JsonBounds{.max_depth = rules.max_json_depth, .max_values = rules.max_json_values}, allowance);
  const std::size_t num_bytes = body.capacity();
  body = std::string();
  allowance.give_back(num_bytes);
  return json_body;
}

std::vector<std::string> copy_texts(const std::vector<std::string_view>& texts, std::string_view field,
                                    const RequestRules& rules, Allowance& allowance) {
  std::int64_t num_bytes = 0;
  for (const std::string_view text : texts) num_bytes += static_cast<std::int64_t>(text.size());
  require_room(rules, num_bytes, kBytesPerToken, "bytes of text", field);
  for (const std::string_view text : texts) allowance.take(held_bytes(text.size()));
  return {texts.begin(), texts.end()};
}

}  // namespace

TokenizeCall parse_tokenize_call(std::string body, const RequestRules& rules, Allowance& allowance) {
  const auto json_body = take_json(body, rules, allowance);
  const FieldReader reader(json_body->object(), kInTokenize);
  require_served(reader.string_or_empty(Field::kModel), rules);
  TokenizeCall call;
  call.wants_token_strings = reader.flag(Field::kReturnTokenStrs).value_or(false);
  if (reader.has(Field::kInputs)) {
    call.texts = copy_texts(reader.strings(Field::kInputs, rules.max_documents), "inputs", rules, allowance);
    call.wants_pieces = true;
  } else if (reader.has(Field::kPrompt)) {
    call.texts = copy_texts({reader.string_or_empty(Field::kPrompt)}, "prompt", rules, allowance);
  } else {
    throw ApiError(400, "prompt is missing: send the text as prompt, or a list of texts as inputs", "prompt");
  }
  return call;
}

TokensText::TokensText(const TokenizeCall& call, std::int32_t max_model_len, Allowance& allowance)
    : call_(call), max_model_len_(max_model_len), allowance_(allowance) {
  if (call_.wants_pieces) json_.begin_array();
}

void TokensText::add(const std::vector<TokenPiece>& pieces) {
  std::size_t num_bytes = json_.size() + kPieceBytes * (pieces.size() + 1);
  for (const TokenPiece& piece : pieces) num_bytes += JsonWriter::string_bytes(piece.text);
  if (num_bytes > json_.capacity()) {
    const std::size_t capacity = std::max(num_bytes, 2 * json_.capacity());
    allowance_.take(capacity);
    json_.reserve(capacity);
    allowance_.give_back(std::exchange(taken_, capacity));
  }
  add_list(pieces);
}

void TokensText::add_list(const std::vector<TokenPiece>& pieces) {
  if (call_.wants_pieces) {
    json_.begin_array();
    for (const TokenPiece& piece : pieces) {
      json_.begin_object();
      json_.key("id").number(piece.id);
      json_.key("text").string(piece.text);
      json_.key("special").boolean(piece.special);
      json_.key("start").number(piece.start);
      json_.key("stop").number(piece.stop);
      json_.end_object();
    }
    json_.end_array();
    return;
  }
  json_.begin_object();
  json_.key("count").number(static_cast<std::int64_t>(pieces.size()));
  json_.key("max_model_len").number(max_model_len_);
  json_.key("tokens").begin_array();
  for (const TokenPiece& piece : pieces) json_.number(piece.id);
  json_.end_array();
  json_.key("token_strs");
  if (call_.wants_token_strings) {
    json_.begin_array();
    for (const TokenPiece& piece : pieces) json_.string(piece.text);
    json_.end_array();
  } else {
    json_.null();
  }
  json_.end_object();
}

std::string TokensText::take() {
  if (call_.wants_pieces) json_.end_array();
  return json_.take();
}

std::size_t tokenizing_bytes(std::size_t num_bytes) {
  constexpr std::size_t kFirstBytes = 4096;
  constexpr std::size_t kBytesPerByte = 256;  // for merging, positions and pieces
  return kFirstBytes + kBytesPerByte * num_bytes;
}

std::vector<std::int32_t> parse_detokenize_call(std::string body, const RequestRules& rules,
                                                Allowance& allowance) {
  const auto json_body = take_json(body, rules, allowance);
  const FieldReader reader(json_body->object(), kInDetokenize);
  require_served(reader.string_or_empty(Field::kModel), rules);
  const json::value* tokens = reader.find(Field::kTokens);
  if (tokens == nullptr) throw ApiError(400, "tokens is missing: send a list of token ids", "tokens");
  if (!tokens->is_array()) {
    throw ApiError(400, fmt::format("tokens must be a list of token ids, not {}", kind_of(*tokens)),
                   "tokens");
  }
  require_room(rules, static_cast<std::int64_t>(tokens->get_array().size()), kIdsPerToken, "ids", "tokens");
  allowance.take(tokens->get_array().size() * sizeof(std::int32_t));
  std::vector<std::int32_t> ids;
  ids.reserve(tokens->get_array().size());
  for (const json::value& token : tokens->get_array()) {
    const bool is_id = token.is_int64() && token.get_int64() >= 0 &&
                       token.get_int64() <= std::numeric_limits<std::int32_t>::max();
    if (!is_id) throw ApiError(400, fmt::format("tokens[{}] is not a token id", ids.size()), "tokens");
    ids.push_back(static_cast<std::int32_t>(token.get_int64()));
  }
  return ids;
}

std::string write_detokenized(std::string_view text) {
  JsonWriter json;
  json.begin_object().key("prompt").string(text).end_object();
  return json.take();
}

}  // namespace rerank::api
