// A rerank or score request as the service understood it: what the engine is to compute and how the answer is
// to look. Reading it from JSON is here, in every dialect; writing the answer is reply.h's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "api/api_error.h"
#include "api/json/allowance.h"
#include "api/routes.h"
#include "rerank/types.h"

namespace rerank::api {

// What the operator allows. The body's size is bounded by who reads it.
struct RequestRules {
  std::vector<std::string> served_names;  // not empty; the first is the one that replies carry
  std::int32_t max_model_len = 0;
  std::size_t max_documents = 1000;  // pairs of a request
  std::size_t max_json_depth = 32;
  std::size_t max_json_values = 1'000'000;
  bool auto_truncate = true;  // what happens to a long document where the request does not say
  // Of all rerank requests, for clients that cannot be told apart; null: by the request.
  const Dialect* forced_dialect = nullptr;
};

struct ScoringCall {
  ScoringCall();  // in the standard dialect

  Request request;  // without deadline; may be moved away
  std::size_t num_documents = 0;
  // Texts to be written back, by index of document; empty: none are wanted.
  std::vector<std::string> echo;
  std::size_t echo_bytes = 0;  // what `echo` takes, as it was asked of the allowance
  const Dialect* dialect;      // of static storage
  int cohere_version = 1;      // of the route
  std::size_t top_n = 0;       // 0: all
  bool wants_documents = true;
  bool raw_scores = false;  // the logits instead of the scores made of them
  std::string request_id;   // the field of the body; empty: none. The header goes first.
  // What the request calls them; of static storage.
  std::string_view documents_field = "documents";
  std::string_view queries_field = "query";
};

// Reads `body`, lets go of it and gives its capacity back to `allowance`, which is asked for all that the
// call holds. REQUIRES: match.route's handler is kRerank, kScore or kInvocations. Throws ApiError, in the
// style that the body's dialect wants as far as it could be told.
ScoringCall parse_scoring_call(std::string body, const RouteMatch& match, const RequestRules& rules,
                               Allowance& allowance = unlimited());

// The style of errors before a body is read.
ErrorStyle error_style_of(const RequestRules& rules);

// Of a result, in the words of the request. REQUIRES: result.status != kOk.
ApiError error_of(const ScoringCall& call, const Result& result);

}  // namespace rerank::api
