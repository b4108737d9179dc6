// Batches: every prompt is complete and within the limits, whatever shares its batch and however small the
// budget; and the order of requests.
#include "engine/schedule/scheduler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "tests/support/scheduler_planner.h"

namespace rerank {
namespace {

std::size_t count(const std::vector<PendingRequestPtr>& scored, const PendingRequestPtr& request) {
  return static_cast<std::size_t>(std::count(scored.begin(), scored.end(), request));
}

TEST(Scheduler, SharesTheHeadOfARequest) {
  Planner planner(kOptions);
  const PendingRequestPtr request = planner.add(plain_request(4));
  EXPECT_EQ(planner.run_batch().size(), 4u);
  const EncodedHead head = planner.encoder().encode_head(request->request);
  const auto tail = planner.encoder().encode_document(request->request, 0, head).ids.size();
  EXPECT_EQ(planner.num_tokens(), head.num_tokens() + 4 * static_cast<std::int64_t>(tail));
  EXPECT_EQ(request->num_cached_tokens, 3 * head.num_tokens());
  EXPECT_EQ(request->holds, 0);
}

TEST(Scheduler, SharesBetweenRequestsUnlessTold) {
  for (const bool share : {true, false}) {
    SchedulerOptions options = kOptions;
    options.share_between_requests = share;
    Planner planner(options);
    const PendingRequestPtr first = planner.add(plain_request(1));
    planner.run_batch();
    const PendingRequestPtr second = planner.add(plain_request(1)),
                            third = planner.add(plain_request(1, "other"));
    planner.run_batch();
    const EncodedHead head = planner.encoder().encode_head(first->request);
    EXPECT_EQ(first->num_cached_tokens, 0);
    EXPECT_EQ(second->num_cached_tokens, share ? head.num_tokens() : 0);
    EXPECT_EQ(third->num_cached_tokens, share ? static_cast<std::int32_t>(head.parts[0].size()) : 0);
  }
}

// The document comes first in this prompt: each is a segment of its own, and nothing is cached.
TEST(Scheduler, APromptWithoutSharedParts) {
  Planner planner(kOptions, document_first_prompt());
  const PendingRequestPtr request = planner.add(plain_request(4)), again = planner.add(plain_request(4));
  EXPECT_EQ(planner.run_batch().size(), 8u);
  EXPECT_EQ(planner.num_tokens(), 8 * static_cast<std::int64_t>(std::string("document\nQ:q").size()));
  EXPECT_EQ(request->num_cached_tokens + again->num_cached_tokens, 0);
  EXPECT_EQ(planner.scheduler().prefix_cache_tokens(), 0);
}

TEST(Scheduler, ARunOfEqualQueriesIsComputedOnce) {
  Planner planner(kOptions);
  Request request = plain_request(6);
  request.queries = {"one", "one", "another", "another", "another", "one"};
  const PendingRequestPtr pending = planner.add(request);
  while (pending->holds > 0) planner.run_batch();
  const EncodedHead head = planner.encoder().encode_head(request, 0),
                    other = planner.encoder().encode_head(request, 2);
  const auto tail = static_cast<std::int64_t>(planner.encoder().encode_document(request, 0, head).ids.size());
  EXPECT_EQ(planner.num_tokens(),
            head.num_tokens() + static_cast<std::int64_t>(other.parts[1].size()) + 6 * tail);
}

TEST(Scheduler, TakesTurnsDocumentByDocument) {
  Planner planner(kOptions);
  const PendingRequestPtr large = planner.add(plain_request(1000));
  EXPECT_GT(count(planner.run_batch(), large), 5u);
  const PendingRequestPtr small = planner.add(plain_request(5, "other"));
  const std::vector<PendingRequestPtr> scored = planner.run_batch();
  EXPECT_EQ(count(scored, small), 5u);
  EXPECT_GE(count(scored, large), 5u);
}

TEST(Scheduler, WhoeverFoundNoRoomComesFirst) {
  SchedulerOptions options = kOptions;
  options.max_num_seqs = 3;
  Planner planner(options);
  std::vector<PendingRequestPtr> requests;
  for (int i = 0; i < 5; ++i) requests.push_back(planner.add(plain_request(3)));
  std::map<PendingRequestPtr, std::size_t> done;
  for (std::size_t batch = 1; batch <= 5; ++batch) {
    for (const PendingRequestPtr& request : planner.run_batch()) ++done[request];
    std::size_t least = 100, most = 0;
    for (const PendingRequestPtr& request : requests) {
      least = std::min(least, done[request]);
      most = std::max(most, done[request]);
    }
    // Documents are encoded meanwhile: who has none ready loses a turn. Without turns it would be 3.
    EXPECT_LE(most - least, 2u) << "after batch " << batch;
  }
}

// A document that needs a whole batch is not passed over forever by small ones.
TEST(Scheduler, ALargeDocumentGetsItsTurn) {
  SchedulerOptions options = kOptions;
  options.max_num_batched_tokens = 600;
  Planner planner(options);
  planner.add(plain_request(1000));
  planner.run_batch();
  Request wide = plain_request(1, "other");
  wide.documents[0] = letters(250, 'w');
  const PendingRequestPtr request = planner.add(wide);
  int batches = 0;
  while (request->holds > 0 && ++batches < 10) planner.run_batch();
  EXPECT_LE(batches, 2);
}

TEST(Scheduler, LowerPrioritiesComeFirstAndEqualOnesTakeTurns) {
  Planner planner(kOptions);
  const auto add = [&](std::int32_t priority, std::size_t num_documents, const std::string& query) {
    Request request = plain_request(num_documents, query);
    request.priority = priority;
    return planner.add(request);
  };
  const PendingRequestPtr last = add(7, 1000, "a");
  EXPECT_GT(count(planner.run_batch(), last), 5u);
  const PendingRequestPtr first = add(-3, 30, "b"), second = add(0, 1000, "c"), beside = add(0, 1000, "d");
  for (int batch = 0; first->holds > 0 && batch < 10; ++batch) {
    const std::vector<PendingRequestPtr> scored = planner.run_batch();
    EXPECT_EQ(scored.front(), first);
    EXPECT_EQ(count(scored, last), 0u);
  }
  EXPECT_EQ(first->holds, 0);
  const std::vector<PendingRequestPtr> scored = planner.run_batch();
  EXPECT_LE(std::max(count(scored, second), count(scored, beside)),
            std::min(count(scored, second), count(scored, beside)) + 1);
  EXPECT_GT(count(scored, second), 2u);
}

// A request of a lower number waits for the slots of a long document, while others are queued in between.
TEST(Scheduler, WhoHoldsUpALowerPriorityIsServedAsOne) {
  SchedulerOptions options = kOptions;
  options.max_num_batched_tokens = 200;
  Planner planner(options);
  const auto add = [&](std::int32_t priority, std::size_t num_documents, std::size_t length) {
    Request request = plain_request(num_documents);
    request.priority = priority;
    request.documents[0] = letters(length, 'l');
    return planner.add(request);
  };
  const PendingRequestPtr low = add(5, 1, 333);
  planner.run_batch();
  EXPECT_TRUE(low->whole->planned);
  const PendingRequestPtr between = add(1, 1000, 10);
  planner.run_batch();
  EXPECT_EQ(low->holds, 1) << "others come before it";
  const PendingRequestPtr urgent = add(0, 1, 333);
  for (int batch = 0; urgent->holds > 0 && batch < 10; ++batch) planner.run_batch();
  EXPECT_EQ(urgent->holds, 0);
  EXPECT_EQ(low->holds, 0);
  EXPECT_LT(between->next, 500u);
}

TEST(Scheduler, LongDocumentsGoInChunks) {
  for (const std::int32_t budget : {1, 7, 64, 256}) {
    SchedulerOptions options = kOptions;
    options.max_num_batched_tokens = budget;
    Planner planner(options);
    Request request = plain_request(3);
    request.documents[1] = letters(333, 'b');
    const PendingRequestPtr pending = planner.add(request);
    int batches = 0;
    while (pending->holds > 0 && ++batches < 2000) planner.run_batch();
    for (std::size_t d = 0; d < 3; ++d) EXPECT_EQ(planner.times(pending, d), 1) << "budget " << budget;
    EXPECT_LE(batches, planner.num_tokens() / budget + 6);
  }
}

// Everything completes, however short the slices are, and cancellations in between are noticed.
TEST(Scheduler, TextsAreEncodedSliceBySlice) {
  SchedulerOptions options = kOptions;
  options.planning_slice = options.document_slice = std::chrono::microseconds(0);
  const LoadedModel loaded = load_prompt_model(options);
  Scheduler scheduler(options, *loaded.encoder, [](const PendingRequestPtr& request) { --request->holds; });
  const auto add = [&](const Request& request) {
    const auto pending = std::make_shared<PendingRequest>(
        std::make_shared<SubmittedRequest>(1, request), DocumentRange{0, request.documents.size()}, nullptr);
    scheduler.add(pending);
    return pending;
  };
  Request huge = plain_request(1);
  for (int i = 0; i < 4000000; ++i) huge.documents[0] += "\u5317 ";
  const PendingRequestPtr large = add(huge), cancelled = add(huge);
  PlannedBatch planned;
  EXPECT_FALSE(scheduler.fill(planned));
  EXPECT_FALSE(scheduler.fill(planned));
  const PendingRequestPtr small = add(plain_request(1));
  cancelled->whole->cancelled = true;
  int slices = 0;
  while (small->holds == 1 && !small->all_planned()) {
    scheduler.fill(planned);
    ASSERT_LT(++slices, 25);
  }
  EXPECT_FALSE(large->all_planned());
  EXPECT_EQ(cancelled->holds, 0);
  EXPECT_TRUE(planned.scored.size() == 1 && planned.scored[0].request == small);
  while (!scheduler.fill(planned)) ++slices;
  EXPECT_GT(slices, 15);
  EXPECT_TRUE(large->all_planned());
  EXPECT_TRUE(large->scores[0].truncated);
}

TEST(Scheduler, LetsGoOfWhatIsWrongCancelledOrLate) {
  Planner planner(kOptions);
  Request broken = plain_request(3), late = plain_request(3);
  broken.documents[2] = "\xff";
  late.deadline = Clock::now() - std::chrono::seconds(1);
  const PendingRequestPtr wrong = planner.add(broken), too_late = planner.add(late),
                          cancelled = planner.add(plain_request(3)), right = planner.add(plain_request(3));
  cancelled->whole->cancelled = true;
  planner.run_batch();
  EXPECT_EQ(right->take_result().status, Status::kOk);
  const Result refused = wrong->take_result();
  EXPECT_EQ(refused.status, Status::kInvalidArgument);
  EXPECT_THAT(refused.message, testing::HasSubstr("documents[2]"));
  EXPECT_EQ(too_late->take_result().status, Status::kDeadlineExceeded);
  EXPECT_EQ(cancelled->take_result().status, Status::kCancelled);
  for (const auto& request : {wrong, too_late, cancelled, right}) EXPECT_EQ(request->holds, 0);
}

TEST(Scheduler, CancelledInTheMiddleOfALongDocument) {
  SchedulerOptions options = kOptions;
  options.max_num_batched_tokens = 64;
  Planner planner(options);
  Request request = plain_request(2);
  request.documents.assign(2, letters(300));
  const PendingRequestPtr first = planner.add(request), second = planner.add(request);
  for (int i = 0; i < 5; ++i) planner.run_batch();
  first->whole->cancelled = true;
  int batches = 0;
  while (second->holds > 0 && ++batches < 100) planner.run_batch();
  EXPECT_EQ(first->holds, 0);
  EXPECT_EQ(first->take_result().status, Status::kCancelled);
  EXPECT_EQ(second->take_result().status, Status::kOk);
}

TEST(Scheduler, DropsAll) {
  Planner planner(kOptions);
  const PendingRequestPtr a = planner.add(plain_request(1000)), b = planner.add(plain_request(1));
  planner.run_batch();
  planner.scheduler().drop_all(Status::kUnavailable, "gone");
  EXPECT_EQ(a->holds, 0);
  EXPECT_EQ(a->take_result().message, "gone");
  EXPECT_EQ(b->take_result().status, Status::kOk);
  planner.run_batch();
  EXPECT_TRUE(planner.last_batch_empty());
}

std::string random_text(std::mt19937& random, std::size_t longest) {
  return letters(random() % (longest + 1), static_cast<char>('a' + random() % 3));
}

// Random requests under random, often absurd limits, some of them cancelled: every document of the others is
// scored exactly once, from the correct prompt (Planner), and every rule of batches is kept (PromptBackend).
TEST(Scheduler, RandomRequestsUnderRandomLimits) {
  for (std::uint32_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    const auto one_of = [&](std::initializer_list<std::int32_t> choices) {
      return *(choices.begin() + random() % choices.size());
    };
    SchedulerOptions options;
    options.max_num_batched_tokens = one_of({1, 16, 64, 250, 400, 1000, 3000});
    options.max_num_seqs = one_of({1, 2, 5, 64});
    options.max_model_len = one_of({340, 450, 900});
    options.prefix_cache_tokens = one_of({1, 100, 500, 2000});
    options.share_between_requests = random() % 3 != 0;
    Planner planner(options, seed % 2 == 0   ? qwen3_reranker_prompt()
                             : seed % 4 == 1 ? published_prompt("ctxl-rerank-v2")
                                             : document_first_prompt());
    std::vector<PendingRequestPtr> requests;
    int idle = 0;
    for (int step = 0; step < 6000 && idle < 3; ++step) {
      if (requests.size() < 12 && random() % 3 == 0) {
        Request request;
        request.priority = one_of({0, 0, 1, 2});
        request.query = random_text(random, 20);
        request.instruction = random_text(random, 8);
        for (std::size_t d = random() % 6; d > 0; --d) request.documents.push_back(random_text(random, 500));
        if (random() % 3 == 0) {
          for (std::size_t d = 0; d < request.documents.size(); ++d)
            request.queries.push_back(random_text(random, 3));
        }
        requests.push_back(planner.add(std::move(request)));
      }
      if (!requests.empty() && random() % 40 == 0)
        requests[random() % requests.size()]->whole->cancelled = true;
      planner.run_batch();
      if (testing::Test::HasFailure()) return;
      idle = requests.size() == 12 && planner.last_batch_empty() ? idle + 1 : 0;
    }
    EXPECT_EQ(requests.size(), 12u);
    for (const PendingRequestPtr& request : requests) {
      ASSERT_EQ(request->holds, 0) << "request " << request->whole->id << " was left behind";
      for (std::size_t d = 0; d < request->request.documents.size(); ++d) {
        const int times = planner.times(request, d);
        EXPECT_TRUE(times == 1 || (times == 0 && request->whole->cancelled)) << times;
      }
    }
  }
}

}  // namespace
}  // namespace rerank
