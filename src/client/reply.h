// What servers answer, read: scores in all the shapes they come in, and what an error's body says. A reply
// that leaves a document without a score, or gives it two, is refused.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rerank::client {

struct ScoredReply {
  std::vector<float> scores;    // [documents]
  std::vector<bool> truncated;  // [documents]
  std::string model;
  std::string id;
  std::optional<std::int64_t> num_tokens;
};

// Reads `{"results": [...]}`, `{"data": [...]}` or the bare list, of items with an index and a
// relevance_score or score, in any order. Throws Error saying what is wrong.
ScoredReply read_scores(std::string_view body, std::size_t num_documents);

// What a server says it counted, where that can be: so that sums of many replies stay in range.
std::optional<std::int64_t> possible_count(std::int64_t num_tokens);

// What an error's body says, in whichever of the usual fields; else the body's beginning, of HTML its title.
std::string server_message(std::string_view body);

}  // namespace rerank::client
