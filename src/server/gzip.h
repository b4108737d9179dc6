// Bodies that clients send compressed.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace rerank {

enum class InflateOutcome { kDone, kTooLarge, kBroken };

// Inflates what gzip made, one or several members, into `inflated`, which never grows beyond `max_bytes`.
InflateOutcome inflate_gzip(std::string_view compressed, std::size_t max_bytes, std::string& inflated);

}  // namespace rerank
