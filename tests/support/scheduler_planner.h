// A scheduler whose batches a PromptBackend takes at once, and requests for it. For tests only.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/schedule/scheduler.h"
#include "tests/support/prompt_backend.h"

namespace rerank {

inline constexpr SchedulerOptions kOptions{
    .max_num_batched_tokens = 1000, .max_num_seqs = 64, .max_model_len = 600, .prefix_cache_tokens = 600};

// A scheduler whose batches a PromptBackend takes at once.
class Planner {
 public:
  explicit Planner(const SchedulerOptions& options, Prompt prompt = qwen3_reranker_prompt())
      : loaded_(load_prompt_model(options, nullptr, 1, 1, nullptr, std::move(prompt))),
        scheduler_(loaded_.scheduler, *loaded_.encoder,
                   [this](const PendingRequestPtr& request) { release(request); }) {}

  PendingRequestPtr add(Request request) {
    const DocumentRange all{0, request.documents.size()};
    auto pending =
        std::make_shared<PendingRequest>(std::make_shared<SubmittedRequest>(++last_id_, std::move(request)),
                                         all, [](const Result&) { FAIL() << "the engine calls back"; });
    scheduler_.add(pending);
    return pending;
  }
  // Plans and computes one batch; the requests of its scores, in order.
  std::vector<PendingRequestPtr> run_batch() {
    planned_.clear();
    // Once may be all, or more may fit when asked again: both must be right.
    while (!scheduler_.fill(planned_)) {
    }
    scheduler_.fill(planned_);
    scheduler_.close_batch();
    std::vector<PendingRequestPtr> requests;
    if (planned_.empty()) return requests;
    auto& backend = static_cast<PromptBackend&>(*loaded_.replicas[0].backend);
    backend.begin(planned_.batch);
    std::vector<float> logits(2 * planned_.scored.size());
    backend.finish(logits);
    num_tokens_ += planned_.batch.num_tokens();
    for (std::size_t i = 0; i < planned_.scored.size(); ++i) {
      const auto& [request, document] = planned_.scored[i];
      const std::vector<std::int32_t> wanted = prompt_ids(*loaded_.encoder, request->request, document);
      EXPECT_EQ(backend.prompts()[i], wanted)
          << "request " << request->whole->id << ", document " << document;
      EXPECT_EQ(request->scores[document].num_tokens, static_cast<std::int32_t>(wanted.size()));
      ++times_[{request->whole->id, document}];
      requests.push_back(request);
      release(request);
    }
    return requests;
  }
  bool last_batch_empty() const { return planned_.empty(); }
  std::int64_t num_tokens() const { return num_tokens_; }
  int times(const PendingRequestPtr& request, std::size_t document) {
    return times_[{request->whole->id, document}];
  }
  Scheduler& scheduler() { return scheduler_; }
  const RequestEncoder& encoder() const { return *loaded_.encoder; }

 private:
  void release(const PendingRequestPtr& request) {
    EXPECT_GT(request->holds, 0);
    --request->holds;
  }

  LoadedModel loaded_;
  Scheduler scheduler_;
  PlannedBatch planned_;
  Engine::RequestId last_id_ = 0;
  std::int64_t num_tokens_ = 0;
  std::map<std::pair<Engine::RequestId, std::size_t>, int> times_;
};

inline std::string letters(std::size_t length, char letter = 'a') {
  return std::string(length, letter);
}

inline Request plain_request(std::size_t num_documents, const std::string& query = "q") {
  Request request;
  request.query = query;
  request.instruction = "i";
  request.documents.assign(num_documents, "document");
  return request;
}

}  // namespace rerank
