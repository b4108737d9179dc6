// /tokenize and /detokenize: their requests read, their replies written. The tokenizer is the engine's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "api/scoring_call.h"
#include "rerank/types.h"

namespace rerank::api {

struct TokenizeCall {
  std::vector<std::string> texts;
  bool wants_pieces = false;         // TEI's reply: a list of pieces for each text; else there is one text
  bool wants_token_strings = false;  // vLLM's "return_token_strs"
};

// Throws ApiError.
TokenizeCall parse_tokenize_call(std::string_view body, const RequestRules& rules);

// [call.texts] of pieces each.
std::string write_tokens(const TokenizeCall& call, const std::vector<std::vector<TokenPiece>>& pieces,
                         std::int32_t max_model_len);

// Token ids. Throws ApiError; whether the model has such ids is for the tokenizer to say.
std::vector<std::int32_t> parse_detokenize_call(std::string_view body, const RequestRules& rules);

std::string write_detokenized(std::string_view text);

}  // namespace rerank::api
