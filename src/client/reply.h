// Reads responses: scores in all their formats, and error messages. A response that leaves a document without
// a score, or has two for it, is rejected.
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

// Reads `{"results": [...]}`, `{"data": [...]}` or a bare list, whose items have an index and a
// relevance_score or score, in any order. Throws Error saying what is wrong.
ScoredReply read_scores(std::string_view body, std::size_t num_documents);

// A count from a server, empty if it is not plausible, so that sums over many responses do not overflow.
std::optional<std::int64_t> possible_count(std::int64_t num_tokens);

// The message in the body of an error, from any of the usual fields; otherwise the beginning of the body, or
// the title of an HTML page.
std::string server_message(std::string_view body);

}  // namespace rerank::client
