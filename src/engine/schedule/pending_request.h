// A request while the engine processes it.
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

// The part of a request that one replica scores. Whoever releases the last hold finishes it: the scheduler
// has one hold until all documents are planned, and each planned document has one until it is computed.
struct PendingRequest {
  PendingRequest(std::shared_ptr<SubmittedRequest> submitted, DocumentRange part, Engine::Callback c)
      : whole(std::move(submitted)), documents(part), callback(std::move(c)), scores(part.end - part.first) {}

  const std::shared_ptr<SubmittedRequest> whole;
  const DocumentRange documents;
  const Engine::Callback callback;  // with the scores of these documents
  const Request& request = whole->request;
  std::atomic<std::int64_t> holds{1};

  // Used only by the scheduler.
  std::int32_t priority = request.priority;  // lowered while a request with a lower number waits for it
  std::shared_ptr<SharedEncoding> shared;    // of the first documents if other threads help, otherwise null
  std::unique_ptr<PromptEncoding> encoding;  // created when first looked at
  std::chrono::nanoseconds encoding_next{};  // time spent on next_document and its prefix
  const PrefixCache::Part* held_head = nullptr;  // a long part of the prefix, held for this request
  std::size_t next = documents.first;            // document to plan
  std::optional<EncodedDocument> next_document;  // encoded when first looked at
  bool passed_over = false;                      // did not fit into the batch being formed
  std::optional<Clock::time_point> started;
  std::chrono::nanoseconds tokenize{};
  std::int64_t num_cached_tokens = 0;

  // Used only by the worker.
  std::chrono::nanoseconds compute{};
  std::int64_t last_batch = 0;        // that contained a document of this request
  std::vector<DocumentScore> scores;  // [documents]; tokens and truncation filled by the scheduler

  DocumentScore& score_of(std::size_t document) { return scores[document - documents.first]; }
  bool all_planned() const { return next == documents.end; }

  // The prefix of the next document. REQUIRES: that document is encoded.
  const EncodedHead& head() const { return encoding->head(); }

  // Only the first failure is kept; without its message if memory runs out.
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
