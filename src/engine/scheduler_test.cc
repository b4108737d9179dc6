// Batches: every pair's prompt comes together whole, within the limits, whatever shares the batch and however
// small the budget; and who comes next.
#include "engine/scheduler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "tests/prompt_backend.h"

namespace rerank {
namespace {

constexpr SchedulerOptions kOptions{
    .max_num_batched_tokens = 1000, .max_num_seqs = 64, .max_model_len = 600, .prefix_cache_tokens = 600};

// A scheduler whose batches a PromptBackend takes at once.
class Planner {
 public:
  explicit Planner(const SchedulerOptions& options)
      : loaded_(load_prompt_model(options)),
        scheduler_(options, *loaded_.encoder,
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

std::string text(std::size_t length, char letter = 'a') {
  return std::string(length, letter);
}

Request make_request(std::size_t num_documents, const std::string& query = "q") {
  Request request;
  request.query = query;
  request.instruction = "i";
  request.documents.assign(num_documents, "document");
  return request;
}

std::size_t count(const std::vector<PendingRequestPtr>& scored, const PendingRequestPtr& request) {
  return static_cast<std::size_t>(std::count(scored.begin(), scored.end(), request));
}

TEST(Scheduler, SharesTheHeadOfARequest) {
  Planner planner(kOptions);
  const PendingRequestPtr request = planner.add(make_request(4));
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
    const PendingRequestPtr first = planner.add(make_request(1));
    planner.run_batch();
    const PendingRequestPtr second = planner.add(make_request(1)),
                            third = planner.add(make_request(1, "other"));
    planner.run_batch();
    const EncodedHead head = planner.encoder().encode_head(first->request);
    EXPECT_EQ(first->num_cached_tokens, 0);
    EXPECT_EQ(second->num_cached_tokens, share ? head.num_tokens() : 0);
    EXPECT_EQ(third->num_cached_tokens, share ? static_cast<std::int32_t>(head.preamble.size()) : 0);
  }
}

TEST(Scheduler, ARunOfEqualQueriesIsComputedOnce) {
  Planner planner(kOptions);
  Request request = make_request(6);
  request.queries = {"one", "one", "another", "another", "another", "one"};
  const PendingRequestPtr pending = planner.add(request);
  while (pending->holds > 0) planner.run_batch();
  const EncodedHead head = planner.encoder().encode_head(request, 0),
                    other = planner.encoder().encode_head(request, 2);
  const auto tail = static_cast<std::int64_t>(planner.encoder().encode_document(request, 0, head).ids.size());
  EXPECT_EQ(planner.num_tokens(),
            head.num_tokens() + static_cast<std::int64_t>(other.query.size()) + 6 * tail);
}

TEST(Scheduler, TakesTurnsDocumentByDocument) {
  Planner planner(kOptions);
  const PendingRequestPtr large = planner.add(make_request(1000));
  EXPECT_GT(count(planner.run_batch(), large), 5u);
  const PendingRequestPtr small = planner.add(make_request(5, "other"));
  const std::vector<PendingRequestPtr> scored = planner.run_batch();
  EXPECT_EQ(count(scored, small), 5u);
  EXPECT_GE(count(scored, large), 5u);
}

TEST(Scheduler, WhoeverFoundNoRoomComesFirst) {
  SchedulerOptions options = kOptions;
  options.max_num_seqs = 3;
  Planner planner(options);
  std::vector<PendingRequestPtr> requests;
  for (int i = 0; i < 5; ++i) requests.push_back(planner.add(make_request(3)));
  std::map<PendingRequestPtr, std::size_t> done;
  for (std::size_t batch = 1; batch <= 5; ++batch) {
    for (const PendingRequestPtr& request : planner.run_batch()) ++done[request];
    std::size_t least = 100, most = 0;
    for (const PendingRequestPtr& request : requests) {
      least = std::min(least, done[request]);
      most = std::max(most, done[request]);
    }
    EXPECT_LE(most - least, 1u) << "after batch " << batch;
  }
}

// A document that needs a whole batch is not passed over forever by small ones.
TEST(Scheduler, ALargeDocumentGetsItsTurn) {
  SchedulerOptions options = kOptions;
  options.max_num_batched_tokens = 600;
  Planner planner(options);
  planner.add(make_request(1000));
  planner.run_batch();
  Request wide = make_request(1, "other");
  wide.documents[0] = text(250, 'w');
  const PendingRequestPtr request = planner.add(wide);
  int batches = 0;
  while (request->holds > 0 && ++batches < 10) planner.run_batch();
  EXPECT_LE(batches, 2);
}

TEST(Scheduler, LowerPrioritiesComeFirstAndEqualOnesTakeTurns) {
  Planner planner(kOptions);
  const auto add = [&](std::int32_t priority, std::size_t num_documents, const std::string& query) {
    Request request = make_request(num_documents, query);
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

// The slots of a long document under way are needed by one of a lower number, and others stand between them.
TEST(Scheduler, WhoHoldsUpALowerPriorityIsServedAsOne) {
  SchedulerOptions options = kOptions;
  options.max_num_batched_tokens = 200;
  Planner planner(options);
  const auto add = [&](std::int32_t priority, std::size_t num_documents, std::size_t length) {
    Request request = make_request(num_documents);
    request.priority = priority;
    request.documents[0] = text(length, 'l');
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
    Request request = make_request(3);
    request.documents[1] = text(333, 'b');
    const PendingRequestPtr pending = planner.add(request);
    int batches = 0;
    while (pending->holds > 0 && ++batches < 2000) planner.run_batch();
    for (std::size_t d = 0; d < 3; ++d) EXPECT_EQ(planner.times(pending, d), 1) << "budget " << budget;
    EXPECT_LE(batches, planner.num_tokens() / budget + 6);
  }
}

struct LongHead {
  std::size_t instruction, query;  // bytes, which are tokens
};

// A batch takes 200 tokens; what stands around the texts is some 250 more.
SchedulerOptions small_batches() {
  SchedulerOptions options = kOptions;
  options.max_num_batched_tokens = 200;
  options.max_model_len = 1500;
  options.prefix_cache_tokens = 1;
  return options;
}

Request long_head_request(std::size_t num_documents, LongHead head, char letter = 'q') {
  Request request = make_request(num_documents);
  request.instruction = text(head.instruction, letter);
  request.query = text(head.query, letter);
  return request;
}

// In chunks, whichever part of it is long, and though the cache keeps nothing that is not in use.
TEST(Scheduler, ALongHeadIsComputedOnce) {
  for (const LongHead sizes :
       {LongHead{1, 500}, LongHead{500, 1}, LongHead{400, 400}, LongHead{1, 150}, LongHead{90, 90}}) {
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

TEST(Scheduler, LongHeadsOfARequestOneAfterTheOther) {
  Planner planner(small_batches());
  Request request = make_request(6);
  for (const char letter : {'a', 'a', 'b', 'b', 'b', 'a'}) request.queries.push_back(text(900, letter));
  const PendingRequestPtr pending = planner.add(request);
  for (int batch = 0; pending->holds > 0 && batch < 100; ++batch) planner.run_batch();
  for (std::size_t d = 0; d < 6; ++d) EXPECT_EQ(planner.times(pending, d), 1);
}

// Each is computed once where there is room for both, and the turns go on where there is not.
TEST(Scheduler, TwoLongHeadsAtOnce) {
  for (const std::size_t size : {250u, 800u}) {
    Planner planner(small_batches());
    const PendingRequestPtr first = planner.add(long_head_request(20, {1, size}, 'a')),
                            second = planner.add(long_head_request(20, {1, size}, 'b')),
                            small = planner.add(make_request(20));
    int batches = 0;
    while (first->holds + second->holds + small->holds > 0 && ++batches < 500) planner.run_batch();
    for (const auto& request : {first, second, small}) EXPECT_EQ(request->holds, 0);
    if (size == 250) {
      EXPECT_LT(planner.num_tokens(), 5000);
    }
  }
}

TEST(Scheduler, ALongHeadHalfComputedIsNotUsed) {
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

TEST(Scheduler, AnUrgentLongHeadDoesNotWaitForOthersInBetween) {
  Planner planner(small_batches());
  const auto add = [&](std::int32_t priority, Request request) {
    request.priority = priority;
    return planner.add(request);
  };
  const PendingRequestPtr low = add(5, long_head_request(1, {1, 600}));
  planner.run_batch();
  const PendingRequestPtr between = add(1, make_request(1000)),
                          urgent = add(0, long_head_request(1, {1, 600}, 'u'));
  for (int batch = 0; urgent->holds > 0 && batch < 20; ++batch) planner.run_batch();
  EXPECT_EQ(urgent->holds, 0);
  EXPECT_LT(between->next, 500u);
}

// However short the slices, all comes to its end; and what is cancelled in between is noticed.
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
  Request huge = make_request(1);
  for (int i = 0; i < 4000000; ++i) huge.documents[0] += "\u5317 ";
  const PendingRequestPtr large = add(huge), cancelled = add(huge);
  PlannedBatch planned;
  EXPECT_FALSE(scheduler.fill(planned));
  EXPECT_FALSE(scheduler.fill(planned));
  const PendingRequestPtr small = add(make_request(1));
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
  Request broken = make_request(3), late = make_request(3);
  broken.documents[2] = "\xff";
  late.deadline = Clock::now() - std::chrono::seconds(1);
  const PendingRequestPtr wrong = planner.add(broken), too_late = planner.add(late),
                          cancelled = planner.add(make_request(3)), right = planner.add(make_request(3));
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
  Request request = make_request(2);
  request.documents.assign(2, text(300));
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
  const PendingRequestPtr a = planner.add(make_request(1000)), b = planner.add(make_request(1));
  planner.run_batch();
  planner.scheduler().drop_all(Status::kUnavailable, "gone");
  EXPECT_EQ(a->holds, 0);
  EXPECT_EQ(a->take_result().message, "gone");
  EXPECT_EQ(b->take_result().status, Status::kOk);
  planner.run_batch();
  EXPECT_TRUE(planner.last_batch_empty());
}

std::string random_text(std::mt19937& random, std::size_t longest) {
  return text(random() % (longest + 1), static_cast<char>('a' + random() % 3));
}

// Many requests come, some are cancelled, under random limits, often absurd ones: every document of the
// others is scored exactly once, from the right prompt (Planner), with every rule of batches kept
// (PromptBackend).
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
    Planner planner(options);
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
