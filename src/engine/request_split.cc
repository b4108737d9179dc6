#include "engine/request_split.h"

#include <algorithm>

#include "engine/encode/request_queries.h"

namespace rerank {
namespace {

// About 2,000 tokens. A prefix of about a hundred tokens is a twentieth of that.
constexpr std::size_t kLeastPartBytes = 8192;
// Rough estimates: template text around each document, and the length of a token.
constexpr std::size_t kBytesAroundDocument = 40;
constexpr std::size_t kBytesOfToken = 5;

}  // namespace

std::vector<RequestPart> split_request(const Request& request, std::size_t max_parts,
                                       std::int32_t max_model_len) {
  std::int32_t limit = max_model_len;
  for (const std::int32_t asked : {request.max_tokens_per_pair, request.max_tokens_per_document}) {
    if (asked > 0) limit = std::min(limit, asked);
  }
  const std::size_t longest = kBytesOfToken * static_cast<std::size_t>(limit);
  const auto cost = [&](std::size_t document) {
    const bool has_own_query =
        !request.queries.empty() && (document == 0 || !have_same_query(request, document - 1, document));
    return kBytesAroundDocument + std::min(request.documents[document].size(), longest) +
           (has_own_query ? std::min(request.queries[document].size(), longest) : 0);
  };
  std::vector<std::size_t> costs;  // [documents]
  std::size_t total = 0;
  for (std::size_t document = 0; document < request.documents.size(); ++document) {
    total += costs.emplace_back(cost(document));
  }
  const std::size_t num_parts = std::clamp<std::size_t>(total / kLeastPartBytes, 1, max_parts);
  std::vector<RequestPart> parts;
  RequestPart part;
  std::size_t before = 0;  // the cost of all documents before the current one
  for (const std::size_t own : costs) {
    // The boundary closest to this part's share of the total.
    const std::size_t border = total * (parts.size() + 1) / num_parts;
    if (part.cost_bytes > 0 && parts.size() + 1 < num_parts && before + own / 2 >= border) {
      parts.push_back(part);
      part = {{part.documents.end, part.documents.end}, 0};
    }
    ++part.documents.end;
    part.cost_bytes += own;
    before += own;
  }
  parts.push_back(part);
  return parts;
}

}  // namespace rerank
