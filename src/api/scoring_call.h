// A rerank or score request, parsed: what the engine should compute and how the reply should look. reply.h
// writes the reply.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "api/api_error.h"
#include "api/json/allowance.h"
#include "api/routes.h"
#include "rerank/error.h"
#include "rerank/types.h"

namespace rerank::api {

// Which function of its logit a reply's score is.
enum class Activation {
  kModel,    // the model's, DocumentScore::score
  kSigmoid,  // the logit's sigmoid
  kNone,     // the logit itself
};

// Limits set by the operator, and what the model is like. Whatever reads the body limits its size.
struct RequestRules {
  std::vector<std::string> served_names;  // not empty; replies contain the first
  std::int32_t max_model_len = 0;
  std::size_t max_documents = 1000;  // pairs of a request
  std::size_t max_json_depth = 32;
  std::size_t max_json_values = 1'000'000;
  bool auto_truncate = true;           // of documents that are too long, if the request does not say
  bool model_declares_logits = false;  // as EngineInfo::declares_logits
  // Of all rerank requests, for clients that cannot be recognized; nullptr: chosen by the request.
  const Dialect* forced_dialect = nullptr;
};

struct ScoringCall {
  ScoringCall();  // in the standard dialect

  Request request;  // without deadline; may be moved away
  std::size_t num_documents = 0;
  // The texts to return, by index of document; empty: none.
  std::vector<std::string> echo;
  std::size_t echo_bytes = 0;  // memory of `echo`, charged to the allowance
  const Dialect* dialect;      // of static storage
  std::size_t top_n = 0;       // 0: all
  bool wants_documents = true;
  Activation activation = Activation::kModel;
  std::string request_id;  // the field of the body; empty: none. The header has precedence.
  // The names of the fields in the request; of static storage.
  std::string_view documents_field = "documents";
  std::string_view queries_field = "query";
  std::string_view instruction_field = "instruction";
};

// Parses `body`, frees it and returns its capacity to `allowance`, which is charged for everything that the
// call holds. REQUIRES: match.route's handler is kRerank, kScore or kInvocations. Throws ApiError, in the
// error style of the body's dialect if that could be recognized.
ScoringCall parse_scoring_call(std::string body, const RouteMatch& match, const RequestRules& rules,
                               Allowance& allowance = unlimited());

// The style of errors that occur before a body is read.
ErrorStyle error_style_of(const RequestRules& rules);

// The error of a result, with the names of the request's fields. REQUIRES: result.status != kOk.
ApiError error_of(const ScoringCall& call, const Result& result);

// The same of a request that the engine did not take. REQUIRES: the error's code is kInvalidArgument.
ApiError error_of(const ScoringCall& call, const Error& error);

}  // namespace rerank::api
