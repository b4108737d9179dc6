// /tokenize and /detokenize: their requests read, their replies written. The tokenizer is the engine's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "api/json/allowance.h"
#include "api/scoring_call.h"
#include "rerank/types.h"
#include "text/json_writer.h"

namespace rerank::api {

struct TokenizeCall {
  std::vector<std::string> texts;
  bool wants_pieces = false;         // TEI's reply: a list of pieces for each text; else there is one text
  bool wants_token_strings = false;  // vLLM's "return_token_strs"
};

// Reads `body`, lets go of it and gives its capacity back to `allowance`, which is asked for all that the
// call holds. Throws ApiError, also for more text than 64 bytes for each token of max_model_len.
TokenizeCall parse_tokenize_call(std::string body, const RequestRules& rules,
                                 Allowance& allowance = unlimited());

// The reply to a call, text by text, so that no more than one text's tokens need to be held.
class TokensText {
 public:
  // REQUIRES: the call outlives this. `allowance` is asked for what is written.
  TokensText(const TokenizeCall& call, std::int32_t max_model_len, Allowance& allowance = unlimited());

  // REQUIRES: call.texts.size() times, in their order.
  void add(const std::vector<TokenPiece>& pieces);
  std::string take();

 private:
  void add_list(const std::vector<TokenPiece>& pieces);

  const TokenizeCall& call_;
  const std::int32_t max_model_len_;
  Allowance& allowance_;
  std::size_t taken_ = 0;
  JsonWriter json_;
};

// What the tokenizer takes at most for `num_bytes` of text, its tokens included.
std::size_t tokenizing_bytes(std::size_t num_bytes);

// Token ids, at most 8 for each token of max_model_len. Throws ApiError; whether the model has such ids is
// for the tokenizer to say. Lets go of `body` as parse_tokenize_call does.
std::vector<std::int32_t> parse_detokenize_call(std::string body, const RequestRules& rules,
                                                Allowance& allowance = unlimited());

std::string write_detokenized(std::string_view text);

}  // namespace rerank::api
