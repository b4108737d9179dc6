// The query that each document of a request is scored against.
#pragma once

#include <cstddef>
#include <string>

#include "rerank/types.h"

namespace rerank {

// REQUIRES: check_queries passed.
inline const std::string& query_of(const Request& request, std::size_t document) {
  return request.queries.empty() ? request.query : request.queries[document];
}

inline bool have_same_query(const Request& request, std::size_t document, std::size_t other) {
  return request.queries.empty() || request.queries[document] == request.queries[other];
}

}  // namespace rerank
