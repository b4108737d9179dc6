// Several replicas behind one engine: a request is divided and combined, cancelled and failed as one.
#include "engine/replica_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/prompt_requests.h"

namespace rerank {
namespace {

using testing::Each;
using testing::HasSubstr;

constexpr int kReplicas = 3;

// At least 45,000 bytes of text, with a different text in each document.
Request large_request(const std::string& query = "q", std::size_t num_documents = 90) {
  Request request = make_request(num_documents, query);
  for (std::string& document : request.documents) document += std::string(500, ' ');
  return request;
}

TEST(ReplicaSet, DividesALargeRequestAndPutsItTogether) {
  std::array<std::atomic<std::int64_t>, kReplicas> scored{};
  ReplicaSet set(load_prompt_model(
      kPromptOptions,
      [&](const PackedBatch& batch, int replica) {
        scored[static_cast<std::size_t>(replica)] += batch.num_scores;
      },
      kReplicas));
  const Request request = large_request();
  expect_right(set, request, submit(set, request)->get());
  EXPECT_THAT(std::vector<std::int64_t>(scored.begin(), scored.end()), Each(30));
  const EngineStatistics statistics = set.statistics();
  EXPECT_EQ(statistics.num_requests, 1);
  EXPECT_EQ(statistics.num_documents, 90);
  EXPECT_EQ(statistics.num_running, 0);
  EXPECT_EQ(statistics.num_prompt_tokens, statistics.num_computed_tokens + statistics.num_cached_tokens);
}

TEST(ReplicaSet, SmallRequestsGoWholeToWhoHasLeastToDo) {
  std::array<std::atomic<std::int64_t>, kReplicas> scored{};
  Gate gate;
  ReplicaSet set(load_prompt_model(
      kPromptOptions,
      [&](const PackedBatch& batch, int replica) {
        scored[static_cast<std::size_t>(replica)] += batch.num_scores;
        gate.pass();
      },
      kReplicas));
  std::vector<std::unique_ptr<Outcome>> outcomes;
  for (int i = 0; i < 2 * kReplicas; ++i) outcomes.push_back(submit(set, make_request(5)));
  gate.open();
  for (const auto& outcome : outcomes) EXPECT_EQ(outcome->get().status, Status::kOk);
  EXPECT_THAT(std::vector<std::int64_t>(scored.begin(), scored.end()), Each(10));
}

TEST(ReplicaSet, OneWrongDocumentRefusesAllAndIsNamed) {
  Gate gate;
  ReplicaSet set(load_prompt_model(
      kPromptOptions, [&](const PackedBatch&, int) { gate.pass(); }, kReplicas));
  Request request = large_request("q", 3000);
  request.documents[2900] = "\xff";
  request.documents[2900].resize(500, 'x');
  const auto outcome = submit(set, request);
  gate.open();
  const Result result = outcome->get();
  EXPECT_EQ(result.status, Status::kInvalidArgument);
  EXPECT_THAT(result.message, HasSubstr("documents[2900]"));
  EXPECT_TRUE(result.documents.empty());
  EXPECT_EQ(set.statistics().num_documents, 0);
  EXPECT_EQ(set.statistics().num_requests, 1);
}

TEST(ReplicaSet, CancelAndDeadlineReachAllParts) {
  Gate gate;
  std::atomic<std::int64_t> batches{0};
  ReplicaSet set(load_prompt_model(
      kPromptOptions,
      [&](const PackedBatch&, int) {
        ++batches;
        gate.pass();
      },
      kReplicas));
  Request late = large_request("late", 3000);
  late.deadline = Clock::now();
  EXPECT_EQ(submit(set, late)->get().status, Status::kDeadlineExceeded);
  const auto outcome = submit(set, large_request("q", 3000));
  while (batches < kReplicas) std::this_thread::yield();
  EXPECT_EQ(set.statistics().num_running, 1);
  set.cancel(outcome->id);
  gate.open();
  EXPECT_EQ(outcome->get().status, Status::kCancelled);
  EXPECT_EQ(outcome->calls, 1);
  EXPECT_LE(batches, 3 * kReplicas) << "the rest is not computed";
}

TEST(ReplicaSet, OneBrokenReplicaMakesTheEngineUnhealthy) {
  std::atomic<bool> broken{false};
  ReplicaSet set(load_prompt_model(
      kPromptOptions,
      [&](const PackedBatch&, int replica) {
        if (replica == 1 && broken) throw std::runtime_error("the device fell off the bus");
      },
      kReplicas));
  EXPECT_EQ(submit(set, large_request())->get().status, Status::kOk);
  broken = true;
  const Result result = submit(set, large_request())->get();
  EXPECT_EQ(result.status, Status::kUnavailable);
  EXPECT_THAT(result.message, HasSubstr("fell off the bus"));
  EXPECT_FALSE(set.healthy());
  // Small requests too, whichever replica they would have gone to.
  for (int i = 0; i < 2 * kReplicas; ++i) {
    EXPECT_EQ(submit(set, make_request(1))->get().status, Status::kUnavailable);
  }
  EXPECT_EQ(set.statistics().num_running, 0);
}

TEST(ReplicaSet, EndsWithRequestsInFlight) {
  for (int round = 0; round < 20; ++round) {
    std::vector<std::unique_ptr<Outcome>> outcomes;
    {
      ReplicaSet set(load_prompt_model(
          kPromptOptions,
          [](const PackedBatch&, int) { std::this_thread::sleep_for(std::chrono::microseconds(300)); },
          kReplicas));
      for (int i = 0; i < 10; ++i) outcomes.push_back(submit(set, large_request("q", 60)));
      // Its own failure ends the other parts of one of them during shutdown.
      Request wrong = large_request("q", 60);
      wrong.documents[59] += '\xff';
      outcomes.push_back(submit(set, wrong));
      std::this_thread::sleep_for(std::chrono::microseconds(150 * round));
    }
    for (const auto& outcome : outcomes) EXPECT_EQ(outcome->calls, 1);
  }
}

TEST(ReplicaSet, ManyCallers) {
  SchedulerOptions options = kPromptOptions;
  options.max_num_batched_tokens = 300;  // some documents are computed in chunks
  ReplicaSet set(load_prompt_model(options, nullptr, kReplicas));
  const auto call = [&](std::uint32_t seed) {
    std::mt19937 random(seed);
    for (int i = 0; i < 12; ++i) {
      Request request = make_request(random() % 100, std::string(1, static_cast<char>('a' + random() % 5)));
      for (std::string& document : request.documents) document.resize(random() % 400, 'x');
      const auto outcome = submit(set, request);
      if (random() % 6 == 0) set.cancel(outcome->id);
      const Result result = outcome->get();
      EXPECT_EQ(outcome->calls, 1);
      if (result.status != Status::kCancelled) expect_right(set, request, result);
    }
  };
  std::vector<std::thread> threads;
  for (std::uint32_t t = 0; t < 6; ++t) threads.emplace_back(call, t);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(set.statistics().num_requests, 72);
  EXPECT_EQ(set.statistics().num_running, 0);
}

}  // namespace
}  // namespace rerank
