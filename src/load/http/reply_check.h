// Checks a response in one pass without building anything: whether it is JSON, how many results and scores it
// contains, how many tokens were counted. Understands every dialect of the service.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace rerank::load {

// The largest plausible token count, so that sums do not overflow. Larger ones are ignored.
inline constexpr std::int64_t kMostTokens = 10'000'000'000;

struct ReplyFigures {
  std::int64_t num_results = -1;  // negative: no list of results
  std::int64_t num_scores = 0;    // results with a numeric score
  std::int64_t num_tokens = -1;   // negative: unknown
};

// Fills `figures` and returns ""; if the text is not JSON, returns what is wrong.
std::string read_reply(std::string_view body, ReplyFigures& figures);

// What is wrong with a response that should contain `num_results` results; "" if nothing is.
std::string problem_of(const ReplyFigures& figures, std::int64_t num_results);

// The server's message in the body of an error, "error.message" and similar fields; otherwise the body
// itself, shortened.
std::string error_text(std::string_view body);

}  // namespace rerank::load
