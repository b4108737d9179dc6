#include "api/token_call.h"

#include <fmt/format.h>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <limits>

#include "api/field_reader.h"
#include "api/json_body.h"
#include "api/json_text.h"
#include "api/served_model.h"
#include "rerank/error.h"

namespace rerank::api {
namespace {

namespace json = boost::json;

JsonBounds bounds_of(const RequestRules& rules) {
  return {.max_depth = rules.max_json_depth, .max_values = rules.max_json_values};
}

void write_pieces(JsonText& json, const std::vector<TokenPiece>& pieces) {
  json.begin_array();
  for (const TokenPiece& piece : pieces) {
    json.begin_object();
    json.key("id").number(piece.id);
    json.key("text").string(piece.text);
    json.key("special").boolean(piece.special);
    json.key("start").number(piece.start);
    json.key("stop").number(piece.stop);
    json.end_object();
  }
  json.end_array();
}

}  // namespace

TokenizeCall parse_tokenize_call(std::string_view body, const RequestRules& rules) {
  const JsonBody json_body(body, bounds_of(rules));
  const FieldReader reader(json_body.object(), kInTokenize);
  require_served(reader.string_or_empty(Field::kModel), rules);
  TokenizeCall call;
  if (reader.has(Field::kInputs)) {
    call.texts = reader.strings(Field::kInputs);
    call.wants_pieces = true;
    if (rules.max_documents != 0 && call.texts.size() > rules.max_documents) {
      throw ApiError(400,
                     fmt::format("inputs has {} entries, more than the {} that one request may have",
                                 call.texts.size(), rules.max_documents),
                     "inputs");
    }
  } else if (reader.has(Field::kPrompt)) {
    call.texts.emplace_back(reader.string_or_empty(Field::kPrompt));
    call.wants_token_strings = reader.flag(Field::kReturnTokenStrs).value_or(false);
  } else {
    throw ApiError(400, "prompt is missing: send the text as prompt, or a list of texts as inputs", "prompt");
  }
  return call;
}

std::string write_tokens(const TokenizeCall& call, const std::vector<std::vector<TokenPiece>>& pieces,
                         std::int32_t max_model_len) {
  check(pieces.size() == call.texts.size(), "one list of tokens for each text");
  JsonText json;
  if (call.wants_pieces) {
    json.begin_array();
    for (const std::vector<TokenPiece>& text : pieces) write_pieces(json, text);
    json.end_array();
    return json.take();
  }
  const std::vector<TokenPiece>& tokens = pieces.front();
  json.begin_object();
  json.key("count").number(static_cast<std::int64_t>(tokens.size()));
  json.key("max_model_len").number(max_model_len);
  json.key("tokens").begin_array();
  for (const TokenPiece& token : tokens) json.number(token.id);
  json.end_array();
  json.key("token_strs");
  if (call.wants_token_strings) {
    json.begin_array();
    for (const TokenPiece& token : tokens) json.string(token.text);
    json.end_array();
  } else {
    json.null();
  }
  json.end_object();
  return json.take();
}

std::vector<std::int32_t> parse_detokenize_call(std::string_view body, const RequestRules& rules) {
  const JsonBody json_body(body, bounds_of(rules));
  const FieldReader reader(json_body.object(), kInDetokenize);
  require_served(reader.string_or_empty(Field::kModel), rules);
  const json::value* tokens = reader.find(Field::kTokens);
  if (tokens == nullptr) throw ApiError(400, "tokens is missing: send a list of token ids", "tokens");
  if (!tokens->is_array()) {
    throw ApiError(400, fmt::format("tokens must be a list of token ids, not {}", kind_of(*tokens)),
                   "tokens");
  }
  std::vector<std::int32_t> ids;
  ids.reserve(tokens->get_array().size());
  for (const json::value& token : tokens->get_array()) {
    const bool is_id = token.is_int64() && token.get_int64() >= 0 &&
                       token.get_int64() <= std::numeric_limits<std::int32_t>::max();
    if (!is_id) throw ApiError(400, fmt::format("tokens[{}] is no token id", ids.size()), "tokens");
    ids.push_back(static_cast<std::int32_t>(token.get_int64()));
  }
  return ids;
}

std::string write_detokenized(std::string_view text) {
  JsonText json;
  json.begin_object().key("prompt").string(text).end_object();
  return json.take();
}

}  // namespace rerank::api
