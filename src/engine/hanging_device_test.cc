// A device that hangs: when it is noticed, which requests fail, and how the replica shuts down.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <thread>

#include "engine/replica_set.h"
#include "tests/support/prompt_requests.h"

namespace rerank {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

constexpr milliseconds kHangingTimeout{100};

// A device that hangs in begin or in finish of the first of two forward passes.
LoadedModel load_hanging_model(Gate& gate, int max_in_flight) {
  LoadedModel loaded = load_prompt_model(
      kPromptOptions, [&gate](const PackedBatch&, int) { gate.pass(); }, 1, max_in_flight);
  loaded.replicas.front().device_timeout = kHangingTimeout;
  return loaded;
}

TEST(HangingDevice, ADeviceThatHangsIsNoticedAndEveryoneAnswered) {
  for (const int max_in_flight : {1, 2}) {
    Gate gate;
    const auto loop = std::make_unique<ReplicaSet>(load_hanging_model(gate, max_in_flight));
    EXPECT_TRUE(loop->healthy());
    const auto begin = Clock::now();
    const auto computed = submit(*loop, make_request(1000, "a"));
    gate.wait_for_batch();
    const bool was_healthy = loop->healthy();
    EXPECT_TRUE(was_healthy ||
                Clock::now() - begin >= kHangingTimeout);  // unless a busy machine was that slow
    const auto waiting = submit(*loop, make_request(3, "b"));
    for (const auto* outcome : {&computed, &waiting}) {
      const Result result = (*outcome)->get();
      EXPECT_EQ(result.status, Status::kUnavailable);
      EXPECT_THAT(result.message, HasSubstr("hangs"));
    }
    EXPECT_FALSE(loop->healthy());
    EXPECT_EQ(submit(*loop, make_request(1))->get().status, Status::kUnavailable);
    EXPECT_EQ(loop->statistics().num_running, 0);
    // The device returns after all: no callback is called twice, and shutdown is as usual.
    gate.open();
    std::this_thread::sleep_for(milliseconds(20));
    EXPECT_FALSE(loop->healthy());
    EXPECT_EQ(computed->calls, 1);
    EXPECT_EQ(waiting->calls, 1);
  }
}

// What was given up is left until the device returns or the process ends.
TEST(HangingDevice, TheEndDoesNotWaitForADeviceThatHangs) {
  for (const bool is_given_up_before : {false, true}) {
    auto& gate = *new Gate;  // the thread that hangs outlives the test
    std::unique_ptr<Outcome> computed;
    {
      ReplicaSet loop(load_hanging_model(gate, 2));
      computed = submit(loop, make_request(1000, "a"));
      gate.wait_for_batch();
      if (is_given_up_before) {
        EXPECT_EQ(computed->get().status, Status::kUnavailable);
      }
    }
    EXPECT_EQ(computed->calls, 1);
  }
}

// The backend notices the hang as well, a moment after the planner.
TEST(HangingDevice, ABackendThatGivesUpAsWellIsPutAway) {
  Gate gate;
  const auto held = std::make_shared<int>();
  std::jthread later;
  {
    LoadedModel loaded = load_prompt_model(
        kPromptOptions, [&gate, held](const PackedBatch&, int) { gate.pass(); }, 1, 2);
    loaded.replicas.front().device_timeout = milliseconds(1500);
    ReplicaSet loop(std::move(loaded));
    EXPECT_EQ(submit(loop, make_request(1000, "a"))->get().status, Status::kUnavailable);
    later = std::jthread([&gate] {
      std::this_thread::sleep_for(milliseconds(30));
      gate.open();
    });
  }
  EXPECT_EQ(held.use_count(), 1);
}

// Each batch is well within the timeout, all of them together far above it.
TEST(HangingDevice, ASlowDeviceDoesNotHang) {
  LoadedModel loaded = load_prompt_model(
      kPromptOptions, [](const PackedBatch&, int) { std::this_thread::sleep_for(milliseconds(40)); }, 1, 2);
  loaded.replicas.front().device_timeout = milliseconds(1000);
  ReplicaSet loop(std::move(loaded));
  const Request request = make_request(2000);
  const auto begin = Clock::now();
  expect_right(loop, request, submit(loop, request)->get());
  EXPECT_TRUE(loop.healthy());
  EXPECT_GT(Clock::now() - begin, milliseconds(1100));
  // An idle device does not hang either.
  std::this_thread::sleep_for(milliseconds(1100));
  EXPECT_TRUE(loop.healthy());
}

}  // namespace
}  // namespace rerank
