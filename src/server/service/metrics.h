// Metrics in the Prometheus text format: those with vLLM's names, which routers and autoscalers read, and our
// own.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "rerank/engine.h"
#include "rerank/types.h"
#include "server/http/http_handler.h"

namespace rerank {

// Values that are collected at the moment of a scrape.
struct MetricsMoment {
  std::string_view model_name;
  const EngineInfo* info = nullptr;  // null: the model is not loaded yet
  EngineStatistics statistics;
  bool is_ready = false;
  std::int64_t num_queued_documents = 0;
  std::int64_t num_queued_tokens = 0;
  double tokens_per_second = 0;
  std::int64_t buffered_bytes = 0;  // charged to the memory budget
};

// Safe from any thread.
class Metrics {
 public:
  // `front` must outlive it.
  Metrics(const FrontCounters& front, const std::string& model_name);
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // For every request; `handler` is the pattern of its route, "none" for no route.
  void count_http(std::string_view handler, std::string_view method, int status,
                  std::chrono::nanoseconds duration);
  // For every rerank or score request that reached the engine, whatever its outcome. `result.documents`:
  // those scored.
  void count_scoring(std::string_view handler, int status, std::int64_t num_documents, const Result& result,
                     std::chrono::nanoseconds duration);
  // For one that did not: "queue_full", "memory_full", "unauthorized", "loading", "draining" or "unhealthy".
  void count_rejected(std::string_view reason);

  std::string render(const MetricsMoment& moment) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rerank
