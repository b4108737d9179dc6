// What goes into the engine and what comes out of it: plain values, no behaviour.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "rerank/error.h"

namespace rerank {

// Documents to score, each against a query.
struct Request {
  std::string query;                   // UTF-8; may be empty
  std::vector<std::string> documents;  // UTF-8; each may be empty
  // Empty: `query` is used for every document. Otherwise one for each document, and `query` is ignored; equal
  // ones next to each other are computed once.
  std::vector<std::string> queries;
  std::string instruction;  // empty: the model's default, see EngineInfo; refused where it takes none

  // Limits in tokens; 0: none. The first tokens of a longer text are kept.
  std::int32_t max_tokens_per_query = 0;
  std::int32_t max_tokens_per_document = 0;
  std::int32_t max_tokens_per_pair =
      0;  // the whole prompt; at most EngineOptions::max_model_len, which is also the default

  // What happens to a pair that exceeds its limit: true truncates the document, never the rest of the prompt
  // (an encoder's: the longer of query and document), and reports that in the score; false refuses the
  // request.
  bool truncate = true;

  std::int32_t priority = 0;  // lower numbers run first; equal ones take turns
  std::optional<std::chrono::steady_clock::time_point> deadline;
};

// The score of one pair.
struct DocumentScore {
  // What the publisher's own code returns for the pair: EngineInfo::score_function of the logit. Between 0
  // and 1 where that is a sigmoid.
  float score = 0;
  float logit_yes = 0;          // its only logit, for a head with one row
  float logit_no = 0;           // 0 for a head with one row
  std::int32_t num_tokens = 0;  // of the whole prompt, after truncation
  bool truncated = false;       // the document was truncated, or an encoder's query to fit

  // The logit that the score is a function of.
  float logit_difference() const { return logit_yes - logit_no; }
};

enum class Status {
  kOk,
  kInvalidArgument,   // the request is invalid; the message says why
  kCancelled,         // Engine::cancel, or the engine was destroyed
  kDeadlineExceeded,  // Request::deadline passed before all documents were scored
  kUnavailable,       // the backend failed and the engine is unhealthy, or memory ran out for this request
};

struct Timings {
  std::chrono::nanoseconds queue{};     // from submit to the first document being prepared
  std::chrono::nanoseconds tokenize{};  // spent on this request's texts
  std::chrono::nanoseconds compute{};   // of the batches that contained its documents
  std::chrono::nanoseconds total{};     // from submit to the result
};

struct Result {
  Status status = Status::kOk;
  // Why status is not kOk, and what that is about, as Error::subject and Error::reason.
  std::string message;
  ErrorSubject subject;
  std::string reason;
  std::vector<DocumentScore> documents;  // [request.documents], in their order; only when status is kOk
  std::int64_t num_tokens = 0;           // of all pairs, prefixes counted for each
  std::int64_t num_cached_tokens = 0;    // of those, found in a shared or cached prefix
  Timings timings;
};

// A token and its position in a text.
struct TokenPiece {
  std::int32_t id = 0;
  std::string text;      // the part of the text from start to stop
  bool special = false;  // a control token such as "<|im_end|>"
  // In code points of the text, as Hugging Face's tokenizers counts them: tokens that share a code point both
  // include it, and a composed character has the position of the first of its code points.
  std::int64_t start = 0;
  std::int64_t stop = 0;
};

}  // namespace rerank
