// Writes rerank and score requests as each server expects them. An option that a server has no field for is
// refused before anything is sent.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "client/dialect.h"
#include "rerank/client.h"

namespace rerank::client {

// The texts of one request. A view.
struct RequestTexts {
  std::vector<std::string_view> queries;  // one, or one per document
  std::vector<std::string_view> documents;
};

// Throws Error{kUnsupported} naming the first option that `spec` has no field for.
void require_supported(const DialectSpec& spec, const CallOptions& options);

// `model` may be empty. REQUIRES: one query.
std::string rerank_body(const DialectSpec& spec, const RequestTexts& texts, const CallOptions& options,
                        std::string_view model);
// REQUIRES: `spec` has a score route.
std::string score_body(const DialectSpec& spec, const RequestTexts& texts, const CallOptions& options,
                       std::string_view model);

}  // namespace rerank::client
