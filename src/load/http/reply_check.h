// What a reply says about itself, read in one pass without building anything: whether it is JSON, how many
// results and scores it holds, how many tokens it counted. Every dialect that the service speaks is known
// here.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace rerank::load {

// What a server may say that a reply took: sums over all replies stay in range. More counts as not said.
inline constexpr std::int64_t kMostTokens = 10'000'000'000;

struct ReplyFigures {
  std::int64_t num_results = -1;  // negative: there is no list of results
  std::int64_t num_scores = 0;    // results with a number for a score
  std::int64_t num_tokens = -1;   // negative: not said
};

// Returns "" and fills `figures`, or says what is wrong with the text: it is not JSON.
std::string read_reply(std::string_view body, ReplyFigures& figures);

// What is wrong with a reply that should hold `num_results` of them; "" when nothing is.
std::string fault_of(const ReplyFigures& figures, std::int64_t num_results);

// The server's own words in the body of an error, "error.message" and its like; a body that is no such JSON
// is given as it is, clipped.
std::string error_text(std::string_view body);

}  // namespace rerank::load
