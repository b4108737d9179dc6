// A prompt as token ids: the prefix shared by documents with one query, and the rest for each document.
#pragma once

#include <cstdint>
#include <vector>

#include "backend/packed_batch.h"

namespace rerank {

using TokenIds = std::vector<std::int32_t>;

inline std::int32_t size_of(const TokenIds& ids) {
  return static_cast<std::int32_t>(ids.size());
}

struct EncodedHead {
  std::vector<TokenIds> parts;  // shared parts, in order; none is empty
  TokenIds after_document;

  // Of an encoder's pair, which contains the query itself: as many of the query's first tokens as a pair can
  // have, and how many were found.
  TokenIds query;
  std::int32_t num_query_tokens = 0;

  std::int32_t num_tokens() const {  // of the parts
    std::size_t sum = 0;
    for (const TokenIds& part : parts) sum += part.size();
    return static_cast<std::int32_t>(sum);
  }
};

struct EncodedDocument {
  TokenIds ids;  // the document and what follows it; for an encoder the whole pair
  bool truncated = false;
  std::int32_t type_border = kOneType;  // see Segment
};

}  // namespace rerank
