// A request as it was submitted.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <string>
#include <utility>

#include "rerank/engine.h"
#include "rerank/error.h"
#include "rerank/types.h"

namespace rerank {

using Clock = std::chrono::steady_clock;

// Shared by the replicas that score parts of it.
struct SubmittedRequest {
  SubmittedRequest(Engine::RequestId request_id, Request r) : id(request_id), request(std::move(r)) {}

  const Engine::RequestId id;
  const Request request;
  const Clock::time_point submitted = Clock::now();
  std::atomic<bool> cancelled{false};
  std::atomic<bool> planned{false};  // some of it is in a batch
};

// Why a request ended without scores.
struct Failure {
  Status status = Status::kOk;  // kOk: it did not fail
  std::string message;
  ErrorSubject subject;
  std::string reason;

  static Failure of(Status status, const Error& error) {
    return {status, error.what(), error.subject(), error.reason()};
  }
  static Failure of(const Result& result) {
    return {result.status, result.message, result.subject, result.reason};
  }
  void copy_to(Result& result) const {
    result.status = status;
    result.message = message;
    result.subject = subject;
    result.reason = reason;
  }
};

// Documents [first, end) of a request.
struct DocumentRange {
  std::size_t first = 0;
  std::size_t end = 0;
};

}  // namespace rerank
