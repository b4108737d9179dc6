// Parses the requests of /tokenize and /detokenize and writes their replies. The engine has the tokenizer.
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
  bool wants_pieces = false;  // TEI's reply, a list of pieces for each text; otherwise there is one text
  bool wants_token_strings = false;  // vLLM's "return_token_strs"
};

// Parses `body`, frees it and returns its capacity to `allowance`, which is charged for everything that the
// call holds. Throws ApiError, also for more than 64 bytes of text for each token of max_model_len.
TokenizeCall parse_tokenize_call(std::string body, const RequestRules& rules,
                                 Allowance& allowance = unlimited());

// The reply to a call, written text by text, so that only one text's tokens are in memory.
class TokensText {
 public:
  // REQUIRES: the call outlives this. `allowance` is charged for the reply.
  TokensText(const TokenizeCall& call, std::int32_t max_model_len, Allowance& allowance = unlimited());

  // REQUIRES: called once for each of call.texts, in order.
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

// An upper bound of the memory for tokenizing `num_bytes` of text, tokens included.
std::size_t tokenizing_bytes(std::size_t num_bytes);

// Token ids, at most 8 for each token of max_model_len; the tokenizer decides whether they exist. Frees
// `body` as parse_tokenize_call does. Throws ApiError.
std::vector<std::int32_t> parse_detokenize_call(std::string body, const RequestRules& rules,
                                                Allowance& allowance = unlimited());

std::string write_detokenized(std::string_view text);

}  // namespace rerank::api
