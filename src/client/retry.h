// Whether and when a request is sent again. Nothing here sends or waits.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace rerank::client {

// Statuses that a server gives before it has done anything, or that ask to come back.
bool is_worth_retrying(std::int32_t status);

// What Retry-After asks for, in seconds or as a date; nothing if it is absent or neither. Never negative.
std::optional<std::chrono::milliseconds> retry_after(std::string_view value,
                                                     std::chrono::system_clock::time_point now);

// The pause after `num_attempts` attempts: full jitter, `random` in [0, 1) of a time that doubles from 0.25 s
// to 8 s, on top of what the server asked for. So clients that failed together do not come back together.
std::chrono::milliseconds retry_delay(std::int32_t num_attempts, double random,
                                      std::optional<std::chrono::milliseconds> asked_for);

// Longer than this nobody waits, whatever the server asks for.
inline constexpr std::chrono::seconds kMaxRetryAfter{120};

}  // namespace rerank::client
