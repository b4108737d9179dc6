// Writes the reply to a rerank or score request in the request's dialect. Scores keep the engine's bits.
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

// What differs between replies to the same request.
struct ReplyStamp {
  std::string id;            // without its "rerank-" or "score-"
  std::string_view model;    // RequestRules::served_names.front()
  std::int64_t created = 0;  // seconds since 1970
};

// An upper bound of the memory that write_reply() needs: for the reply and for ranking.
std::size_t reply_bytes(const ScoringCall& call, std::string_view model);

// JSON. REQUIRES: result.status is kOk, and `result` is of `call`, whose `request` may have been moved away.
// Throws Error{kInternal} for a score that is not finite.
std::string write_reply(const ScoringCall& call, const Result& result, const ReplyStamp& stamp);

// The headers with times in milliseconds, and x-compute-tokens. `total`: time since the request was read.
std::vector<std::pair<std::string_view, std::string>> timing_headers(const Result& result,
                                                                     std::chrono::nanoseconds total);

// A client's X-Request-Id or request_id, reduced to printable ASCII, at most 128 characters.
std::string accepted_request_id(std::string_view header);

}  // namespace rerank::api
