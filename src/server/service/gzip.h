// Bodies that clients send compressed.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "api/json/allowance.h"

namespace rerank {

enum class InflateOutcome { kDone, kTooLarge, kBroken };

// Inflates what gzip made, one or several members, into `inflated`, which never holds more than `max_bytes`.
// `allowance` is asked for its capacity before it grows, and has it back unless all is done.
InflateOutcome inflate_gzip(std::string_view compressed, std::size_t max_bytes, std::string& inflated,
                            api::Allowance& allowance = api::unlimited());

}  // namespace rerank
