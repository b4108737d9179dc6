// Which model names of requests are answered, and which are shown.
#pragma once

#include <string>
#include <string_view>

#include "api/scoring_call.h"

namespace rerank::api {

// What strangers may see of how a model was named when it was loaded: of a directory its last component.
std::string shown_model(const std::string& model);

// An empty name, or one that clients send for want of one, is the first served one. Throws ApiError (404).
void require_served(std::string_view model, const RequestRules& rules);

}  // namespace rerank::api
