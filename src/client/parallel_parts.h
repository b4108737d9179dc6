// The parts of a call side by side: the first that fails ends the others.
#pragma once

#include <cstddef>
#include <functional>
#include <stop_token>

namespace rerank::client {

// Runs `work` once for each part, on at most `max_threads` threads, this one among them, and returns when all
// are done. The token that work gets is stopped when `stop` is, or when a part throws; the first exception is
// then thrown here, and parts that have not begun never do.
void run_parts(std::size_t num_parts, std::size_t max_threads, const std::stop_token& stop,
               const std::function<void(std::size_t part, const std::stop_token&)>& work);

}  // namespace rerank::client
