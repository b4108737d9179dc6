// Which model names requests may have, and which name replies show.
#pragma once

#include <string>
#include <string_view>

#include "api/scoring_call.h"

namespace rerank::api {

// The name under which a model was loaded, as clients may see it: of a directory only its last component.
std::string shown_model(const std::string& model);

// Throws ApiError (404) for a name that is not served. An empty name, and Infinity's default, mean the first
// served one.
void require_served(std::string_view model, const RequestRules& rules);

}  // namespace rerank::api
