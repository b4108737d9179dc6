// The life of a serving process: listen, load, serve, drain, end.
#pragma once

#include <chrono>
#include <functional>

#include "rerank/engine.h"
#include "server/http/listen_options.h"
#include "server/service/service_options.h"

namespace rerank {

struct ServingOptions {
  EngineOptions engine;
  ListenOptions listen;
  ServiceOptions service;
  std::size_t max_buffered_bytes = std::size_t{1} << 30;  // see MemoryBudget
  std::chrono::milliseconds drain_timeout{30'000};        // for requests that were accepted before the end
  std::chrono::milliseconds shutdown_delay{0};   // not ready, but serving still: for routers to notice
  std::chrono::seconds statistics_interval{10};  // of the log's line of statistics; 0: none
};

// Serves until `is_asked_to_end`, which is asked many times a second, and what was accepted is answered. The
// address is open at once, and until the model is loaded requests are told to come back. Throws Error if the
// address cannot be had or the model not loaded. The calling thread waits; no other may handle signals.
void serve(const ServingOptions& options, const std::function<bool()>& is_asked_to_end);

}  // namespace rerank
