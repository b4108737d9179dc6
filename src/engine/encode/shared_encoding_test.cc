// Documents encoded on several threads are the same as on one, in order, with the same errors; also through a
// replica with helper threads.
#include "engine/encode/shared_encoding.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <future>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "engine/encode/encoding_threads.h"
#include "engine/scoring_loop.h"
#include "tests/support/byte_tokenizer.h"
#include "tests/support/error_of.h"
#include "tests/support/prompt_requests.h"

namespace rerank {
namespace {

using testing::HasSubstr;

constexpr std::int32_t kMaxModelLen = 600;

std::shared_ptr<SubmittedRequest> submitted(Request request) {
  return std::make_shared<SubmittedRequest>(1, std::move(request));
}

Request random_request(std::uint32_t seed, std::size_t num_documents) {
  std::mt19937 random(seed);
  Request request = make_request(num_documents);
  for (std::string& document : request.documents) {
    document.append(random() % 900, static_cast<char>('a' + random() % 26));
  }
  return request;
}

class SharedEncodingTest : public testing::Test {
 protected:
  // Checks that the documents before `end` are the same as without helpers.
  void expect_same(SharedEncoding& shared, const Request& request, std::size_t end) {
    const EncodedHead head = encoder_.encode_head(request);
    EXPECT_EQ(shared.head().parts, head.parts);
    EXPECT_EQ(shared.head().after_document, head.after_document);
    for (std::size_t d = 0; d < end; ++d) {
      const EncodedDocument wanted = encoder_.encode_document(request, d, head);
      const EncodedDocument got = shared.take(d);
      ASSERT_EQ(got.ids, wanted.ids) << "document " << d;
      EXPECT_EQ(got.truncated, wanted.truncated);
    }
  }

  const RequestEncoder encoder_{byte_tokenizer(), qwen3_reranker_prompt(), {.max_model_len = kMaxModelLen}};
};

TEST_F(SharedEncodingTest, SameIdsInTheSameOrder) {
  for (std::uint32_t round = 0; round < 60; ++round) {
    const Request request = random_request(round, 1 + round);
    SharedEncoding shared(submitted(request), encoder_, {0, request.documents.size()});
    std::vector<std::thread> helpers;
    for (std::uint32_t t = 0; t < round % 4; ++t) helpers.emplace_back([&] { shared.help(); });
    expect_same(shared, request, request.documents.size());
    for (std::thread& helper : helpers) helper.join();
  }
}

TEST_F(SharedEncodingTest, HelpersMayHaveDoneAllOrBegunInTheMiddle) {
  const Request request = random_request(1, 30);
  SharedEncoding all(submitted(request), encoder_, {0, 30});
  all.help();
  expect_same(all, request, 30);
  SharedEncoding part(submitted(request), encoder_, {10, 20});
  EXPECT_FALSE(part.covers(9));
  EXPECT_TRUE(part.covers(10));
  EXPECT_FALSE(part.covers(20));
  part.head();
  const EncodedHead head = encoder_.encode_head(request);
  EXPECT_EQ(part.take(10).ids, encoder_.encode_document(request, 10, head).ids);
  part.help();
  for (std::size_t d = 11; d < 20; ++d) {
    EXPECT_EQ(part.take(d).ids, encoder_.encode_document(request, d, head).ids);
  }
}

TEST_F(SharedEncodingTest, TheFirstWrongDocumentIsTheOneNamed) {
  for (std::uint32_t round = 0; round < 20; ++round) {
    Request request = random_request(round, 40);
    request.documents[17] += "\xff";
    request.documents[31] += "\xff";
    SharedEncoding shared(submitted(request), encoder_, {0, 40});
    std::vector<std::thread> helpers;
    for (std::uint32_t t = 0; t < round % 4; ++t) helpers.emplace_back([&] { shared.help(); });
    expect_same(shared, request, 17);
    const EncodedHead head = encoder_.encode_head(request);
    EXPECT_EQ(error_of([&] { shared.take(17); }),
              error_of([&] { encoder_.encode_document(request, 17, head); }));
    for (std::thread& helper : helpers) helper.join();
  }
}

TEST_F(SharedEncodingTest, AWrongQueryEndsItAll) {
  Request request = make_request(5);
  request.query = "\xff";
  SharedEncoding shared(submitted(request), encoder_, {0, 5});
  shared.help();
  const std::string wanted = error_of([&] { encoder_.encode_head(request); });
  EXPECT_THAT(wanted, HasSubstr("query"));
  EXPECT_EQ(error_of([&] { shared.head(); }), wanted);
}

TEST_F(SharedEncodingTest, WhatHelpersLeaveOfACancelledRequestIsThereForWhoeverAsks) {
  const Request request = random_request(5, 20);
  const auto whole = submitted(request);
  SharedEncoding shared(whole, encoder_, {0, 20});
  std::thread helper([&] { shared.help(); });
  whole->cancelled = true;
  helper.join();
  expect_same(shared, request, 20);
}

TEST(WorthSharing, WhatIsLargeAndNoMoreThanABatch) {
  const auto range = [](std::size_t num_documents, std::size_t bytes, DocumentRange part) -> std::string {
    Request request;
    request.documents.assign(num_documents, std::string(bytes, 'a'));
    const auto found = worth_sharing(request, part, 2000, 50);
    return found ? std::to_string(found->first) + ".." + std::to_string(found->end) : "no";
  };
  EXPECT_EQ(range(20, 1000, {0, 20}), "0..12") << "6 bytes for each token of a batch";
  EXPECT_EQ(range(20, 1000, {5, 20}), "5..17");
  EXPECT_EQ(range(20, 1000, {15, 20}), "no") << "too few bytes";
  EXPECT_EQ(range(100, 200, {0, 100}), "0..50") << "as many documents as a batch has";
  EXPECT_EQ(range(1, 100'000, {0, 1}), "no");
  EXPECT_EQ(range(0, 0, {0, 0}), "no");
}

// Batches take 1500 tokens here, so that a request continues after the shared documents.
class HelpedReplica : public testing::Test {
 protected:
  static LoadedModel load(const PromptBackend::Hook& hook = nullptr) {
    SchedulerOptions options = kPromptOptions;
    options.max_num_batched_tokens = 1500;
    LoadedModel loaded = load_prompt_model(options, hook);
    loaded.replicas[0].num_encoding_threads = 3;
    return loaded;
  }
};

TEST_F(HelpedReplica, ScoresAreTheSame) {
  ReplicaSet loop(load());
  for (std::uint32_t round = 0; round < 30; ++round) {
    const Request request = random_request(round, 5 * round);
    expect_right(loop, request, submit(loop, request)->get());
  }
}

TEST_F(HelpedReplica, ErrorsAreTheSame) {
  ReplicaSet loop(load());
  for (const std::size_t wrong : {std::size_t{0}, std::size_t{7}, std::size_t{90}}) {
    Request request = random_request(3, 100);
    request.documents[wrong] += "\xff";
    const Result result = submit(loop, request)->get();
    EXPECT_EQ(result.status, Status::kInvalidArgument);
    EXPECT_THAT(result.message, HasSubstr("documents[" + std::to_string(wrong) + "]: "));
  }
  Request request = random_request(4, 100);
  request.query = "\xff";
  EXPECT_THAT(submit(loop, request)->get().message, HasSubstr("query: "));
  request.query = "q";
  expect_right(loop, request, submit(loop, request)->get());
}

TEST_F(HelpedReplica, CancelledInTheMidst) {
  Gate gate;
  ReplicaSet loop(load([&](const PackedBatch&, int) { gate.pass(); }));
  const auto first = submit(loop, random_request(1, 200));
  gate.wait_for_batch();
  loop.cancel(first->id);
  gate.open();
  EXPECT_EQ(first->get().status, Status::kCancelled);
  for (std::uint32_t round = 0; round < 100; ++round) {
    const Request request = random_request(round, 60);
    const auto outcome = submit(loop, request);
    if (round % 2 == 0) loop.cancel(outcome->id);
    const Result result = outcome->get();
    EXPECT_EQ(outcome->calls, 1);
    if (result.status != Status::kCancelled) expect_right(loop, request, result);
    EXPECT_TRUE(round % 2 == 0 || result.status == Status::kOk);
  }
  EXPECT_EQ(loop.statistics().num_running, 0);
}

TEST_F(HelpedReplica, EndsWhileHelpersAreAtWork) {
  for (std::uint32_t round = 0; round < 30; ++round) {
    std::vector<std::unique_ptr<Outcome>> outcomes;
    {
      ReplicaSet loop(load());
      for (int i = 0; i < 3; ++i) outcomes.push_back(submit(loop, random_request(round, 40)));
      std::this_thread::sleep_for(std::chrono::microseconds(20 * round));
    }
    for (const auto& outcome : outcomes) EXPECT_EQ(outcome->calls, 1);
  }
}

// A caller that has another request ready submits it from the callback.
TEST_F(HelpedReplica, HelpsTheRequestThatAnEndedOneSubmits) {
  LoadedModel loaded = load();
  Request request = make_request(10);
  for (std::string& document : request.documents) document.resize(850, 'x');
  int num_tries = 0;
  bool helped = false;
  std::promise<void> ended;
  std::function<PendingRequestPtr()> submit_next;
  ScoringLoop loop(loaded.encoder, loaded.scheduler, std::move(loaded.replicas[0]));
  submit_next = [&] {
    auto pending =
        std::make_shared<PendingRequest>(submitted(request), DocumentRange{0, 10}, [&](const Result&) {
          // The planner may still be looking for more to plan, but not every time.
          if (helped || ++num_tries == 1000) return ended.set_value();
          helped = submit_next()->shared != nullptr;
        });
    loop.submit(pending);
    return pending;
  };
  submit_next();
  ended.get_future().wait();
  EXPECT_TRUE(helped);
}

}  // namespace
}  // namespace rerank
