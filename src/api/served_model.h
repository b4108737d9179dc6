// Which model names of requests are answered.
#pragma once

#include <string_view>

#include "api/scoring_call.h"

namespace rerank::api {

// An empty name, or one that clients send for want of one, is the first served one. Throws ApiError (404).
void require_served(std::string_view model, const RequestRules& rules);

}  // namespace rerank::api
