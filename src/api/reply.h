// Writes the answer to a rerank or score request in the shape that its client reads. Order, top_n and usage
// are decided here; the scores are the engine's, bit by bit.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/scoring_call.h"
#include "rerank/types.h"

namespace rerank::api {

// What makes one reply differ from another of the same request.
struct ReplyStamp {
  std::string id;            // without its "rerank-" or "score-"
  std::string_view model;    // RequestRules::served_names.front()
  std::int64_t created = 0;  // seconds since 1970
};

// At most as many bytes as write_reply() takes for it: what it writes, and its own lists.
std::size_t reply_bytes(const ScoringCall& call, std::string_view model);

// JSON. REQUIRES: result.status is kOk; `call` is what the result answers, its `request` may be gone.
// Throws Error{kInternal} for a score that is not a number.
std::string write_reply(const ScoringCall& call, const Result& result, const ReplyStamp& stamp);

// The headers that tell times in milliseconds, and x-compute-tokens. `total`: since the request was read.
std::vector<std::pair<std::string_view, std::string>> timing_headers(const Result& result,
                                                                     std::chrono::nanoseconds total);

// What a client's X-Request-Id or request_id is used as: its printable ASCII, 128 characters at most.
std::string accepted_request_id(std::string_view header);

}  // namespace rerank::api
