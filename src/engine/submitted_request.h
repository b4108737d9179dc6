// A request as it came, before anything is made of it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <utility>

#include "rerank/engine.h"
#include "rerank/types.h"

namespace rerank {

using Clock = std::chrono::steady_clock;

// The replicas that score parts of it share it.
struct SubmittedRequest {
  SubmittedRequest(Engine::RequestId request_id, Request r) : id(request_id), request(std::move(r)) {}

  const Engine::RequestId id;
  const Request request;
  const Clock::time_point submitted = Clock::now();
  std::atomic<bool> cancelled{false};
  std::atomic<bool> planned{false};  // something of it has come into a batch
};

// Documents [first, end) of a request.
struct DocumentRange {
  std::size_t first = 0;
  std::size_t end = 0;
};

}  // namespace rerank
