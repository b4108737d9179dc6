// A request on its way through the engine.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/prefix_cache.h"
#include "engine/prompt_encoding.h"
#include "engine/request_encoder.h"
#include "engine/shared_encoding.h"
#include "engine/submitted_request.h"
#include "rerank/engine.h"
#include "rerank/types.h"

namespace rerank {

// The part of a request that one replica scores. Whoever lets go of the last hold finishes it: the scheduler
// holds it once until no document is left to plan, and each planned document holds it until it is computed.
struct PendingRequest {
  PendingRequest(std::shared_ptr<SubmittedRequest> submitted, DocumentRange part, Engine::Callback c)
      : whole(std::move(submitted)), documents(part), callback(std::move(c)), scores(part.end - part.first) {}

  const std::shared_ptr<SubmittedRequest> whole;
  const DocumentRange documents;
  const Engine::Callback callback;  // with the scores of these documents
  const Request& request = whole->request;
  std::atomic<std::int64_t> holds{1};

  // The scheduler's own.
  std::int32_t priority = request.priority;      // lower while a request of a lower number waits for this one
  std::shared_ptr<SharedEncoding> shared;        // of the first documents, where others help; else empty
  std::optional<PromptEncoding> encoding;        // from the first look at it on
  std::chrono::nanoseconds encoding_next{};      // spent on next_document and what it needs
  const PrefixCache::Part* held_head = nullptr;  // a long part of the head that is kept for it
  std::size_t next = documents.first;            // document to plan
  std::optional<EncodedDocument> next_document;  // encoded, once looked at
  bool passed_over = false;                      // did not fit into the batch being formed
  std::optional<Clock::time_point> started;
  std::chrono::nanoseconds tokenize{};
  std::int64_t num_cached_tokens = 0;

  // The worker's own.
  std::chrono::nanoseconds compute{};
  std::int64_t last_batch = 0;        // that held a document of this request
  std::vector<DocumentScore> scores;  // [documents]; tokens and truncation filled by the scheduler

  DocumentScore& score_of(std::size_t document) { return scores[document - documents.first]; }
  bool all_planned() const { return next == documents.end; }

  // Of the next document. REQUIRES: that is encoded.
  const EncodedHead& head() const { return encoding->head(); }

  // The first failure stays; if memory runs out, without its message.
  void fail(Status status, std::string_view message) noexcept {
    const std::lock_guard lock(failure_mutex_);
    if (failure_ != Status::kOk) return;
    failure_ = status;
    try {
      failure_message_ = message;
    } catch (const std::exception&) {
    }
  }
  bool failed() const {
    const std::lock_guard lock(failure_mutex_);
    return failure_ != Status::kOk;
  }
  // REQUIRES: no hold is left.
  Result take_result() {
    Result result;
    result.status = failure_;
    result.message = failure_message_;
    result.num_cached_tokens = num_cached_tokens;
    const Clock::time_point now = Clock::now();
    result.timings = {started.value_or(now) - whole->submitted, tokenize, compute, now - whole->submitted};
    if (failure_ != Status::kOk) return result;
    for (const DocumentScore& score : scores) result.num_tokens += score.num_tokens;
    result.documents = std::move(scores);
    return result;
  }

 private:
  mutable std::mutex failure_mutex_;
  Status failure_ = Status::kOk;
  std::string failure_message_;
};

using PendingRequestPtr = std::shared_ptr<PendingRequest>;

}  // namespace rerank
