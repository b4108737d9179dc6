// Runs the parts of a call in parallel; the first failure stops the others.
#pragma once

#include <cstddef>
#include <functional>
#include <stop_token>

namespace rerank::client {

// Runs `work` once for each part, on at most `max_threads` threads including this one, and returns when all
// are done. The stop token passed to `work` is stopped when `stop` is or when a part throws; the first
// exception is rethrown here, and parts that have not started are skipped.
void run_parts(std::size_t num_parts, std::size_t max_threads, const std::stop_token& stop,
               const std::function<void(std::size_t part, const std::stop_token&)>& work);

}  // namespace rerank::client
