// The dialects that the service speaks.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/dialects/dialect.h"

namespace rerank::api {

extern const Dialect kNim;
extern const Dialect kWeaviate;
extern const Dialect kTei;
extern const Dialect kMixedbread;
extern const Dialect kInfinity;
extern const Dialect kCohere;  // its second version
extern const Dialect kVoyage;
extern const Dialect kStandard;  // of clients of Cohere 1, Jina and vLLM
extern const Dialect kScore;     // of all score requests

// The dialects of rerank requests. A request is in the first one that its route or one of its fields selects;
// the last one, kStandard, is for all other requests.
std::span<const Dialect* const> dialects();

// Their names, for --reply-format.
std::vector<std::string> dialect_names();

// Throws Error with the known names.
const Dialect& dialect_named(std::string_view name);

}  // namespace rerank::api
