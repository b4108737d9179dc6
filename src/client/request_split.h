// A long list cut into requests that a server takes, and into one for each query where it takes only one.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "client/request_body.h"

namespace rerank::client {

struct RequestLimits {
  std::size_t max_documents = 0;
  std::size_t max_bytes = 0;  // of the texts as JSON; one document may be longer
};

struct RequestPart {
  RequestTexts texts;
  std::vector<std::size_t> positions;  // [documents], in the caller's list
};

// All of these refer to the texts that they are given, which must outlive the parts.

// Parts of a rerank request, or of a score request of one query.
std::vector<RequestPart> split_documents(const std::string& query, const std::vector<std::string>& documents,
                                         const RequestLimits& limits);

// Parts of a score request of pairs: each holds as many queries as documents. REQUIRES: equal sizes.
std::vector<RequestPart> split_pairs(const std::vector<std::string>& queries,
                                     const std::vector<std::string>& documents, const RequestLimits& limits);

// The same pairs as rerank requests: each part holds one query and documents that were paired with it.
std::vector<RequestPart> split_by_query(const std::vector<std::string>& queries,
                                        const std::vector<std::string>& documents,
                                        const RequestLimits& limits);

}  // namespace rerank::client
