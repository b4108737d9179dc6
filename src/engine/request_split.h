// Divides the documents of a request among replicas.
#pragma once

#include <cstddef>
#include <vector>

#include "engine/schedule/pending_request.h"

namespace rerank {

struct RequestPart {
  DocumentRange documents;
  std::size_t cost_bytes = 0;  // of text, without what is truncated
};

// Returns between one and `max_parts` parts of about equal cost, in order. It makes fewer parts if they would
// be so small that computing the prompt's prefix again on every replica costs more than it gains.
// `max_model_len` bounds the cost of a document.
std::vector<RequestPart> split_request(const Request& request, std::size_t max_parts,
                                       std::int32_t max_model_len);

}  // namespace rerank
