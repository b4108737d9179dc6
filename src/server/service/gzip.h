// Decompresses request bodies.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "api/json/allowance.h"

namespace rerank {

enum class InflateOutcome { kDone, kTooLarge, kBroken };

// Decompresses gzip data of one or more members into `inflated`, which never exceeds `max_bytes`. Its
// capacity is taken from `allowance` before it grows, and given back on failure.
InflateOutcome inflate_gzip(std::string_view compressed, std::size_t max_bytes, std::string& inflated,
                            api::Allowance& allowance = api::unlimited());

}  // namespace rerank
