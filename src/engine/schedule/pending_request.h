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

#include "engine/encode/prompt_encoding.h"
#include "engine/encode/request_encoder.h"
#include "engine/encode/shared_encoding.h"
#include "engine/encode/submitted_request.h"
#include "engine/schedule/prefix_cache.h"
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
  std::unique_ptr<PromptEncoding> encoding;      // from the first look at it on
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

  // The first failure stays; if memory runs out, without its words.
  void fail(Status status, std::string_view message) noexcept {
    set_failure(status, [&] { return Failure{status, std::string(message), {}, std::string(message)}; });
  }
  void fail(Status status, const Error& error) noexcept {
    set_failure(status, [&] { return Failure::of(status, error); });
  }
  bool failed() const {
    const std::lock_guard lock(failure_mutex_);
    return failure_.status != Status::kOk;
  }
  // REQUIRES: no hold is left.
  Result take_result() {
    Result result;
    failure_.copy_to(result);
    result.num_cached_tokens = num_cached_tokens;
    const Clock::time_point now = Clock::now();
    result.timings = {started.value_or(now) - whole->submitted, tokenize, compute, now - whole->submitted};
    if (failure_.status != Status::kOk) return result;
    for (const DocumentScore& score : scores) result.num_tokens += score.num_tokens;
    result.documents = std::move(scores);
    return result;
  }

 private:
  template <typename Words>
  void set_failure(Status status, const Words& words) noexcept {
    const std::lock_guard lock(failure_mutex_);
    if (failure_.status != Status::kOk) return;
    failure_.status = status;
    try {
      failure_ = words();
    } catch (const std::exception&) {
    }
  }

  mutable std::mutex failure_mutex_;
  Failure failure_;
};

using PendingRequestPtr = std::shared_ptr<PendingRequest>;

}  // namespace rerank
