// The keys of config.json about rotary positions.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "text/json_view.h"

namespace rerank {

// rope_theta, also where it is in rope_parameters or rope_scaling. Throws Error naming the key that says more
// than that: rope scaling.
double read_rope_theta(const JsonView& config);

// rope_parameters or rope_scaling, whichever is of this type.
std::optional<JsonView> find_rope_scaling(const JsonView& config, std::string_view type);

// Inverse frequencies as Llama 3.1 scales them.
std::vector<float> scale_as_llama3(std::vector<float> frequencies, const JsonView& scaling);

}  // namespace rerank
