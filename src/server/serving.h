// The lifecycle of a serving process: listen, load, serve, drain, exit.
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
  std::chrono::milliseconds drain_timeout{30'000};        // for accepted requests to finish
  std::chrono::milliseconds shutdown_delay{
      0};  // reports not ready while still serving, so that routers notice
  std::chrono::seconds statistics_interval{10};  // of the statistics in the log; 0: none
};

// Serves until `should_stop`, which is polled many times a second, returns true and all accepted requests are
// answered. Listens at once; until the model is loaded, requests get a 503. Throws Error if it cannot listen
// or load the model. The calling thread waits; no other thread may handle signals.
void serve(const ServingOptions& options, const std::function<bool()>& should_stop);

}  // namespace rerank
