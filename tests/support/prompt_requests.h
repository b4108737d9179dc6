// Requests to a ReplicaSet on PromptBackends: made, held up, waited for and held against what they must give.
// For tests only.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "engine/replica_set.h"
#include "prompt/score_function.h"
#include "tests/support/prompt_backend.h"

namespace rerank {

inline constexpr SchedulerOptions kPromptOptions{
    .max_num_batched_tokens = 1000, .max_num_seqs = 64, .max_model_len = 600, .prefix_cache_tokens = 600};

// Holds batches until it is opened.
class Gate {
 public:
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void pass() {
    std::unique_lock lock(mutex_);
    waiting_ = true;
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_; });
  }
  // Until a batch waits.
  void wait_for_batch() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return waiting_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
  bool waiting_ = false;
};

inline Request make_request(std::size_t num_documents, const std::string& query = "q") {
  Request request;
  request.query = query;
  request.instruction = "i";
  for (std::size_t d = 0; d < num_documents; ++d)
    request.documents.push_back("document " + std::to_string(d));
  return request;
}

// The result once it is there, and how often it came.
struct Outcome {
  std::atomic<int> calls{0};
  std::promise<Result> promise;
  Engine::RequestId id = 0;

  Result get() { return promise.get_future().get(); }
};

inline std::unique_ptr<Outcome> submit(ReplicaSet& loop, Request request) {
  auto outcome = std::make_unique<Outcome>();
  Outcome& to = *outcome;
  outcome->id = loop.submit(std::move(request), [&to](Result result) {
    if (++to.calls == 1) to.promise.set_value(std::move(result));
  });
  return outcome;
}

inline void expect_right(const ReplicaSet& loop, const Request& request, const Result& result) {
  ASSERT_EQ(result.status, Status::kOk) << result.message;
  ASSERT_EQ(result.documents.size(), request.documents.size());
  std::int64_t num_tokens = 0;
  for (std::size_t d = 0; d < request.documents.size(); ++d) {
    const DocumentScore& score = result.documents[d];
    const std::vector<std::int32_t> ids = prompt_ids(loop.encoder(), request, d);
    EXPECT_EQ(score.logit_yes, prompt_logit(ids));
    EXPECT_EQ(score.logit_no, 0);
    EXPECT_EQ(score.score, ScoreFunction{}(score.logit_yes));
    EXPECT_EQ(score.num_tokens, static_cast<std::int32_t>(ids.size()));
    num_tokens += score.num_tokens;
  }
  EXPECT_EQ(result.num_tokens, num_tokens);
  EXPECT_LE(result.num_cached_tokens, num_tokens);
  EXPECT_GE(result.timings.total, result.timings.queue);
}

}  // namespace rerank
