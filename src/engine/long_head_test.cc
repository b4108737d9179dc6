// Queries and instructions as long as a batch or longer: computed once, in chunks, whatever arrives, ends or
// has priority.
#include <gtest/gtest.h>

#include <string>

#include "tests/support/scheduler_planner.h"

namespace rerank {
namespace {

struct HeadSizes {
  std::size_t instruction, query;  // in bytes; each is a token
};

// A batch takes 200 tokens; the text around query and document has about 250 more.
SchedulerOptions small_batches() {
  SchedulerOptions options = kOptions;
  options.max_num_batched_tokens = 200;
  options.max_model_len = 1500;
  options.prefix_cache_tokens = 1;
  return options;
}

Request long_head_request(std::size_t num_documents, HeadSizes head, char letter = 'q') {
  Request request = plain_request(num_documents);
  request.instruction = letters(head.instruction, letter);
  request.query = letters(head.query, letter);
  return request;
}

// In chunks, whichever part is long, and even if the cache keeps only what is in use.
TEST(LongHead, ALongHeadIsComputedOnce) {
  for (const HeadSizes sizes :
       {HeadSizes{1, 500}, HeadSizes{500, 1}, HeadSizes{400, 400}, HeadSizes{1, 150}, HeadSizes{90, 90}}) {
    for (std::int32_t budget = 190; budget < 215; ++budget) {
      SchedulerOptions options = small_batches();
      options.max_num_batched_tokens = budget;
      Planner planner(options);
      const PendingRequestPtr request = planner.add(long_head_request(30, sizes));
      for (int batch = 0; request->holds > 0 && batch < 100; ++batch) planner.run_batch();
      ASSERT_EQ(request->holds, 0);
      const EncodedHead head = planner.encoder().encode_head(request->request);
      const auto tail = planner.encoder().encode_document(request->request, 0, head).ids.size();
      EXPECT_EQ(planner.num_tokens(), head.num_tokens() + 30 * static_cast<std::int64_t>(tail));
      EXPECT_EQ(request->num_cached_tokens, 29 * head.num_tokens());
    }
  }
}

TEST(LongHead, LongHeadsOfARequestOneAfterTheOther) {
  Planner planner(small_batches());
  Request request = plain_request(6);
  for (const char letter : {'a', 'a', 'b', 'b', 'b', 'a'}) request.queries.push_back(letters(900, letter));
  const PendingRequestPtr pending = planner.add(request);
  for (int batch = 0; pending->holds > 0 && batch < 100; ++batch) planner.run_batch();
  for (std::size_t d = 0; d < 6; ++d) EXPECT_EQ(planner.times(pending, d), 1);
}

// Each is computed once if there is room for both; otherwise the requests still take turns.
TEST(LongHead, TwoLongHeadsAtOnce) {
  for (const std::size_t size : {250u, 800u}) {
    Planner planner(small_batches());
    const PendingRequestPtr first = planner.add(long_head_request(20, {1, size}, 'a')),
                            second = planner.add(long_head_request(20, {1, size}, 'b')),
                            small = planner.add(plain_request(20));
    int batches = 0;
    while (first->holds + second->holds + small->holds > 0 && ++batches < 500) planner.run_batch();
    for (const auto& request : {first, second, small}) EXPECT_EQ(request->holds, 0);
    if (size == 250) {
      EXPECT_LT(planner.num_tokens(), 5000);
    }
  }
}

TEST(LongHead, ALongHeadHalfComputedIsNotUsed) {
  for (int num_chunks = 1; num_chunks < 6; ++num_chunks) {
    Planner planner(small_batches());
    const PendingRequestPtr first = planner.add(long_head_request(3, {1, 500}));
    for (int i = 0; i < num_chunks; ++i) planner.run_batch();
    first->whole->cancelled = true;
    const PendingRequestPtr second = planner.add(long_head_request(3, {1, 500})),
                            other = planner.add(long_head_request(3, {1, 500}, 'r'));
    int batches = 0;
    while (second->holds + other->holds > 0 && ++batches < 100) planner.run_batch();
    EXPECT_EQ(first->holds, 0);
    for (std::size_t d = 0; d < 3; ++d) EXPECT_EQ(planner.times(second, d), 1);
    for (std::size_t d = 0; d < 3; ++d) EXPECT_EQ(planner.times(other, d), 1);
  }
}

TEST(LongHead, AnUrgentLongHeadDoesNotWaitForOthersInBetween) {
  Planner planner(small_batches());
  const auto add = [&](std::int32_t priority, Request request) {
    request.priority = priority;
    return planner.add(request);
  };
  const PendingRequestPtr low = add(5, long_head_request(1, {1, 600}));
  planner.run_batch();
  const PendingRequestPtr between = add(1, plain_request(1000)),
                          urgent = add(0, long_head_request(1, {1, 600}, 'u'));
  for (int batch = 0; urgent->holds > 0 && batch < 20; ++batch) planner.run_batch();
  EXPECT_EQ(urgent->holds, 0);
  EXPECT_LT(between->next, 500u);
}

}  // namespace
}  // namespace rerank
