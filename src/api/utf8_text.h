// Text that is not trusted to be UTF-8: where it stops being so, and a short form of it that is, for
// messages.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace rerank::api {

// Bytes of the longest prefix that is valid UTF-8 (no surrogates, nothing overlong).
std::size_t valid_utf8_prefix(std::string_view text);

// For messages: at most 100 bytes of it, without control characters, valid UTF-8 whatever comes in.
std::string shown(std::string_view text);

}  // namespace rerank::api
