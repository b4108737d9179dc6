// A rerank or score request as the service understood it: what the engine is to compute and how the answer is
// to look. Reading it from JSON is here, in every dialect; writing the answer is reply.h's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/api_error.h"
#include "api/routes.h"
#include "rerank/types.h"

namespace rerank::api {

enum class ReplyFormat {
  kStandard,  // what Cohere's, Jina's and vLLM's clients read
  kTei,
  kWeaviate,
  kNim,
  kVoyage,
  kMixedbread,
  kInfinity,
  kScore,
};

// "standard", "tei", "weaviate", "nim", "voyage", "mixedbread" or "infinity", for --reply-format. Throws
// Error.
ReplyFormat reply_format_named(std::string_view name);

ErrorStyle error_style_of(ReplyFormat format);

// What the operator allows. The body's size is bounded by who reads it.
struct RequestRules {
  std::vector<std::string> served_names;  // not empty; the first is the one that replies carry
  std::int32_t max_model_len = 0;
  std::size_t max_documents = 1000;  // pairs of a request
  std::size_t max_json_depth = 32;
  std::size_t max_json_values =
      1'000'000;              // bounds memory: a value takes 24 bytes where its text may take two
  bool auto_truncate = true;  // what happens to a long document where the request does not say
  std::optional<ReplyFormat> forced_format;  // of rerank replies, for clients that cannot be told apart
};

struct ScoringCall {
  // In order; usually one. A score request of N queries gives up to N. Without deadline.
  std::vector<Request> requests;
  // Texts to be written back, by index of document; empty: none are wanted. `requests` may be moved away
  // meanwhile.
  std::vector<std::string> echo;
  ReplyFormat format = ReplyFormat::kStandard;
  Dialect dialect = Dialect::kPlain;
  std::size_t top_n = 0;  // 0: all
  bool wants_documents = true;
  bool raw_scores = false;  // the difference of the logits instead of its sigmoid
  std::string request_id;   // the field of the body; empty: none. The header goes first.
  std::string_view documents_field = "documents";  // what the request calls them; of static storage

  std::size_t num_documents() const;  // of `requests`
  ErrorStyle error_style() const;
};

// REQUIRES: match.route's handler is kRerank, kScore or kInvocations.
// Throws ApiError, in the style that the body's dialect wants as far as it could be told.
ScoringCall parse_scoring_call(std::string_view body, const RouteMatch& match, const RequestRules& rules);

// The results of a call's requests as one: documents in order, tokens added up, of the times the longest. The
// first that is not kOk stands for all, a document that it names being counted from the call's first.
Result merge_results(std::vector<Result> results);

// Of a merged result, in the words of the request. REQUIRES: result.status != kOk.
ApiError error_of(const ScoringCall& call, const Result& result);

}  // namespace rerank::api
