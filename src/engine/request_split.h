// How a request's documents are divided between replicas.
#pragma once

#include <cstddef>
#include <vector>

#include "engine/schedule/pending_request.h"

namespace rerank {

struct RequestPart {
  DocumentRange documents;
  std::size_t cost_bytes = 0;  // of text, as far as it is not cut
};

// Parts of about equal cost, in order, at least one and at most `max_parts`: fewer when one would be so small
// that the prompt's head, which every replica computes again, weighs more than what is gained.
// `max_model_len` bounds what a document costs.
std::vector<RequestPart> split_request(const Request& request, std::size_t max_parts,
                                       std::int32_t max_model_len);

}  // namespace rerank
