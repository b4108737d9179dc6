// Splits a long list into requests that a server accepts, and into one per query where it accepts only one.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "client/request_body.h"

namespace rerank::client {

struct RequestLimits {
  std::size_t max_documents = 0;
  std::size_t max_bytes = 0;  // of the texts as JSON; a single document may exceed it
};

struct RequestPart {
  RequestTexts texts;
  std::vector<std::size_t> positions;  // [documents], in the caller's list
};

// All of these refer to the given texts, which must outlive the parts.

// The parts of a rerank request, or of a score request with one query.
std::vector<RequestPart> split_documents(const std::string& query, const std::vector<std::string>& documents,
                                         const RequestLimits& limits);

// The parts of a score request of pairs: each has as many queries as documents. REQUIRES: equal sizes.
std::vector<RequestPart> split_pairs(const std::vector<std::string>& queries,
                                     const std::vector<std::string>& documents, const RequestLimits& limits);

// The same pairs as rerank requests: each part has one query and the documents paired with it.
std::vector<RequestPart> split_by_query(const std::vector<std::string>& queries,
                                        const std::vector<std::string>& documents,
                                        const RequestLimits& limits);

}  // namespace rerank::client
