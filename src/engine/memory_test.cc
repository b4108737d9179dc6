// Running out of memory at any moment of planning ends one request and changes nothing for the others.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "engine/schedule/scheduler.h"
#include "tests/support/allocation_count.h"
#include "tests/support/prompt_backend.h"

namespace rerank {
namespace {

using testing::HasSubstr;

Request make_request(const std::string& query, std::size_t num_documents) {
  Request request;
  request.query = query;
  request.instruction = "i";
  request.documents.assign(num_documents, "a document e\u0301 of some words");
  return request;
}

// Plans three requests; allocation number `failing` fails. Returns whether it was reached.
bool plan_with_failure(long failing) {
  const SchedulerOptions options{
      .max_num_batched_tokens = 300, .max_num_seqs = 8, .max_model_len = 900, .prefix_cache_tokens = 400};
  const LoadedModel loaded = load_prompt_model(options);
  auto& backend = static_cast<PromptBackend&>(*loaded.replicas[0].backend);
  Scheduler scheduler(options, *loaded.encoder, [](const PendingRequestPtr& request) { --request->holds; });
  std::vector<PendingRequestPtr> requests;
  for (const Request& request :
       {make_request("short", 4), make_request(std::string(350, 'q'), 2), make_request("another", 1)}) {
    requests.push_back(
        std::make_shared<PendingRequest>(std::make_shared<SubmittedRequest>(requests.size() + 1, request),
                                         DocumentRange{0, request.documents.size()}, nullptr));
    scheduler.add(requests.back());
  }
  bool has_failed = false;
  for (int batch = 0; batch < 50; ++batch) {
    PlannedBatch planned;
    refuse_allocation(failing);
    bool is_done = false;
    for (int slice = 0; slice < 50 && !is_done; ++slice) is_done = scheduler.fill(planned);
    failing = stop_refusing();
    has_failed = has_failed || failing < 0;
    scheduler.close_batch();
    if (planned.empty()) continue;
    backend.begin(planned.batch);
    std::vector<float> logits(2 * planned.scored.size());
    backend.finish(logits);
    for (std::size_t i = 0; i < planned.scored.size(); ++i) {
      const auto& [request, document] = planned.scored[i];
      EXPECT_EQ(backend.prompts()[i], prompt_ids(*loaded.encoder, request->request, document));
      --request->holds;
    }
  }
  int num_failed = 0;
  for (const PendingRequestPtr& request : requests) {
    EXPECT_EQ(request->holds, 0);
    if (!request->failed()) continue;
    ++num_failed;
    const Result result = request->take_result();
    EXPECT_EQ(result.status, Status::kUnavailable);
    EXPECT_THAT(result.message, HasSubstr("not enough memory"));
  }
  EXPECT_LE(num_failed, 1);
  return has_failed;
}

TEST(Memory, ThatRunsOutEndsOneRequest) {
  // Makes the allocations that a thread makes only once, before the first failure.
  plan_with_failure(1000000);
  long num_failures = 0;
  while (plan_with_failure(num_failures) && !testing::Test::HasFailure()) ++num_failures;
  EXPECT_GT(num_failures, 50);
}

}  // namespace
}  // namespace rerank
