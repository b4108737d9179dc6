// What the service rejects: by key, queue, memory and state.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "rerank/error.h"
#include "tests/support/service_fixture.h"

namespace rerank {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST_F(ServiceTest, SaysThatTheModelIsBeingLoaded) {
  start({}, false);
  EXPECT_EQ(ask("GET", "/v1/health/live").status, 200);
  EXPECT_EQ(ask("GET", "/v1/health/ready").status, 503);
  EXPECT_EQ(ask("GET", "/health").status, 503);
  EXPECT_EQ(ask("GET", "/v1/models").status, 200);
  EXPECT_THAT(metrics(), HasSubstr("\nrerank_ready 0\n"));
  const HttpReply reply = ask("POST", "/v1/rerank", kTwoDocuments);
  EXPECT_EQ(reply.status, 503);
  EXPECT_NE(header_of(reply, "retry-after"), "(none)");
  EXPECT_THAT(reply.body, HasSubstr("being loaded"));
  begin_serving();
  EXPECT_EQ(ask("GET", "/v1/health/ready").status, 200);
  EXPECT_EQ(ask("GET", "/health").status, 200);
  EXPECT_THAT(metrics(), HasSubstr("\nrerank_ready 1\n"));
  EXPECT_EQ(ask_scored("/v1/rerank", kTwoDocuments).status, 200);
}

TEST_F(ServiceTest, IsNotAliveOnceTheDeviceFailed) {
  start();
  script_.is_healthy = false;
  for (const char* path : {"/health", "/v1/health/live", "/v1/health/ready"})
    EXPECT_EQ(ask("GET", path).status, 503);
  EXPECT_EQ(ask("POST", "/v1/rerank", kTwoDocuments).status, 503);
  EXPECT_THAT(metrics(), HasSubstr(R"(rerank_rejected_requests_total{reason="unhealthy"} 1)"));
}

TEST_F(ServiceTest, KeepsEveryPostBehindTheKey) {
  ServiceOptions options;
  options.api_keys = {"secret"};
  start(options);
  for (const api::Route& route : api::routes()) {
    std::string path(route.pattern);
    if (const auto at = path.find("{model}"); at != std::string::npos) path.replace(at, 7, "model-a");
    if (route.method == api::Method::kGet) {
      EXPECT_EQ(ask("GET", path).status, 200) << path;
      continue;
    }
    for (const char* wrong : {"", "Bearer wrong", "Bearer secret2", "secret"}) {
      const HttpReply reply = ask("POST", path, kTwoDocuments, {{"Authorization", wrong}});
      EXPECT_EQ(reply.status, 401) << path << " with " << wrong;
      EXPECT_EQ(header_of(reply, "www-authenticate"), "Bearer");
    }
  }
  EXPECT_EQ(script_.num_waiting(), 0U);
  EXPECT_EQ(ask_scored("/v1/rerank", kTwoDocuments, {{"authorization", "bearer secret"}}).status, 200);
}

TEST_F(ServiceTest, TellsWhoTestsAKeyThatItIsWrong) {
  ServiceOptions options;
  options.api_keys = {"secret"};
  start(options);
  for (const char* path : {"/v1/models", "/v1/models/model-a", "/infinity/models"}) {
    EXPECT_EQ(ask("GET", path).status, 200) << path;
    EXPECT_EQ(ask("GET", path, "", {{"Authorization", "Bearer secret"}}).status, 200) << path;
    EXPECT_EQ(ask("GET", path, "", {{"Authorization", "Bearer wrong"}}).status, 401) << path;
  }
  EXPECT_EQ(ask("GET", "/metrics", "", {{"Authorization", "Bearer wrong"}}).status, 200);
  EXPECT_THAT(metrics(), HasSubstr(R"(rerank_rejected_requests_total{reason="unauthorized"} 3)"));
}

// The path of the model is not disclosed, but clients may use it as its name.
TEST_F(ServiceTest, ShowsNoPaths) {
  service_ = std::make_unique<Service>(ServiceOptions{}, "/srv/models/scripted/", counters_, budget_);
  service_->begin_serving(std::make_unique<ScriptedEngine>(script_, "/srv/models/scripted/"), false);
  for (const char* path : {"/v1/models", "/info", "/metrics"}) {
    const std::string text = ask("GET", path).body;
    EXPECT_THAT(text, Not(HasSubstr("/srv"))) << path;
    EXPECT_THAT(text, HasSubstr("\"scripted\"")) << path;
  }
  for (const char* name : {"scripted", "/srv/models/scripted/"}) {
    const HttpReply reply =
        ask_scored("/rerank", std::string(R"({"query":"q","documents":["a"],"model":")") + name + "\"}");
    EXPECT_EQ(reply.status, 200);
    EXPECT_THAT(reply.body, HasSubstr(R"("model":"scripted")"));
  }
}

TEST_F(ServiceTest, GivesBackAllThatWasCharged) {
  start();
  const std::string document(100'000, 'x');
  const std::string body = R"({"query":"q","documents":[")" + document + R"("]})";
  EXPECT_EQ(ask_scored("/rerank", R"({"query":"q","documents":["a"]})").status, 200);
  EXPECT_EQ(ask_scored("/rerank", body).status, 200);
  EXPECT_EQ(ask_scored("/rerank", R"({"query":"q","documents":[1]})").status, 400);
  EXPECT_EQ(ask("POST", "/rerank", "{").status, 400);
  EXPECT_EQ(ask("POST", "/tokenize", R"({"inputs":["a","bc"]})").status, 200);
  EXPECT_EQ(ask("POST", "/tokenize", R"({"prompt":")" + document + "\"}").status, 400);
  EXPECT_EQ(ask("POST", "/detokenize", R"({"tokens":[97]})").status, 200);
  EXPECT_EQ(ask("GET", "/openapi.json").status, 200);
  const auto cancelled = send("POST", "/rerank", kTwoDocuments);
  cancelled->cancel();
  run_posted();
  EXPECT_TRUE(wait_until_used([](std::int64_t bytes) { return bytes == 0; })) << budget_.used_bytes();
}

// A reply is charged for until it is written.
TEST_F(ServiceTest, ChargesForReplies) {
  start();
  const std::string document(100'000, 'x');
  const HttpReply reply = ask_scored("/rerank", R"({"query":"q","documents":[")" + document + R"("]})");
  EXPECT_TRUE(wait_until_used([](std::int64_t bytes) { return bytes < 110'000; })) << budget_.used_bytes();
  EXPECT_GT(budget_.used_bytes(), 100'000);
  EXPECT_NE(reply.held_until_written, nullptr);
}

TEST_F(ServiceTest, RefusesWhatItHasNoMemoryFor) {
  start();
  MemoryCharge others(budget_);
  ASSERT_TRUE(others.resize(static_cast<std::size_t>(budget_.limit_bytes()) - 150'000));
  const std::string document(100'000, 'x');
  const std::string body = R"({"query":"q","documents":[")" + document + R"("]})";
  const HttpReply refused = ask("POST", "/rerank", body);
  EXPECT_EQ(refused.status, 429);
  EXPECT_NE(header_of(refused, "retry-after"), "(none)");
  EXPECT_THAT(metrics(), HasSubstr(R"(rerank_rejected_requests_total{reason="memory_full"} 1)"));
  EXPECT_EQ(ask_scored("/rerank", R"({"query":"q","documents":["a"]})").status, 200);  // from the reserve
  others.clear();
  EXPECT_EQ(ask_scored("/rerank", body).status, 200);
}

TEST_F(ServiceTest, RefusesWhatIsLargerThanAllItsMemory) {
  start();
  const auto limit = static_cast<std::size_t>(budget_.limit_bytes());
  std::string values = "0";
  // 3.2 MB of text, and 16 times that to parse.
  for (int i = 0; i < 800'000; ++i) values += ",[0]";
  const std::string body = R"({"query":"q","documents":["a"],"x":[)" + values + "]}";
  EXPECT_EQ(ask_scored("/rerank", body).status, 400);  // too many values
  MemoryBudget small(limit / 100);
  service_ = std::make_unique<Service>(ServiceOptions{}, "scripted", counters_, small);
  begin_serving();
  HttpRequest request;
  request.method = "POST";
  request.target = "/rerank";
  request.body = body;
  request.charge = MemoryCharge(small);
  ASSERT_TRUE(request.charge.resize(body.size()));
  auto pending = std::make_shared<Pending>();
  service_->handle(
      std::move(request), [this](std::function<void()> work) { post(std::move(work)); },
      [this, pending](HttpReply reply) {
        post([pending, reply = std::move(reply)] { pending->reply = reply; });
      });
  EXPECT_EQ(wait(pending).status, 413);
  service_.reset();
  EXPECT_EQ(small.used_bytes(), 0);
}

// Other requests are answered, whatever fails in one.
TEST_F(ServiceTest, OutlivesWantOfMemory) {
  start();
  const std::string large = R"({"query":"q","documents":[")" + std::string(100'000, 'x') + R"("]})";
  script_.has_no_memory = true;
  EXPECT_EQ(ask("POST", "/rerank", kTwoDocuments).status, 500);
  EXPECT_EQ(ask("POST", "/rerank", large).status, 500);
  EXPECT_EQ(ask("POST", "/tokenize", R"({"prompt":"a"})").status, 500);
  script_.has_no_memory = false;
  EXPECT_EQ(ask_scored("/rerank", kTwoDocuments).status, 200);
  EXPECT_EQ(ask("POST", "/tokenize", R"({"prompt":"a"})").status, 200);
  EXPECT_TRUE(wait_until_used([](std::int64_t bytes) { return bytes == 0; })) << budget_.used_bytes();
  const std::string none_queued = "\nrerank_queued_documents{model_name=\"model-a\",engine=\"0\"} 0\n";
  const auto deadline = std::chrono::steady_clock::now() + kLongEnough;
  while (metrics().find(none_queued) == std::string::npos && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_THAT(metrics(), HasSubstr(none_queued));
}

TEST_F(ServiceTest, GivesEveryErrorOfAForcedFormatItsShape) {
  ServiceOptions options;
  options.reply_format = "tei";
  options.api_keys = {"secret"};
  start(options);
  for (const char* path : {"/rerank", "/nothing"}) {
    EXPECT_THAT(ask("POST", path, "{").body, testing::StartsWith(R"({"error":")")) << path;
  }
}

TEST_F(ServiceTest, TokenizesNothingForWhoIsGone) {
  start();
  std::atomic<int> num_texts{0};
  std::promise<void> gone;
  script_.when_tokenizing = [&, until = gone.get_future().share()] {
    ++num_texts;
    until.wait();
  };
  const auto pending = send("POST", "/tokenize", R"({"inputs": ["a", "b", "c"]})");
  while (num_texts == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  pending->cancel();
  gone.set_value();
  EXPECT_TRUE(service_->end_all(kLongEnough));
  EXPECT_EQ(num_texts, 1);
  EXPECT_FALSE(pending->reply);
  EXPECT_THAT(metrics(),
              HasSubstr(R"(http_requests_total{handler="/tokenize",method="POST",status="499"} 1)"));
}

TEST_F(ServiceTest, TokenizesNothingForWhoIsLateOrTooMany) {
  start();
  age_ = std::chrono::milliseconds(20);
  EXPECT_EQ(ask("POST", "/tokenize", R"({"prompt": "ab"})", {{"X-Request-Timeout", "0.01"}}).status, 504);
  EXPECT_EQ(ask("POST", "/tokenize", R"({"prompt": "ab"})", {{"X-Request-Timeout", "x"}}).status, 400);
  ServiceOptions options;
  options.max_queued_documents = 2;
  start(options);
  const auto scoring = send("POST", "/v1/rerank", kTwoDocuments);
  EXPECT_EQ(ask("POST", "/tokenize", R"({"prompt": "ab"})").status, 429);
  script_.score_one();
  EXPECT_EQ(wait(scoring).status, 200);
  EXPECT_EQ(ask("POST", "/tokenize", R"({"prompt": "ab"})").status, 200);
}

TEST_F(ServiceTest, TurnsAwayWhatTheQueueDoesNotHold) {
  ServiceOptions options;
  options.max_queued_documents = 3;
  start(options);
  const auto first = send("POST", "/v1/rerank", kTwoDocuments);
  const HttpReply refused = ask("POST", "/v1/rerank", kTwoDocuments);
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(header_of(refused, "retry-after"), "1");
  EXPECT_THAT(metrics(), HasSubstr(R"(rerank_rejected_requests_total{reason="queue_full"} 1)"));
  script_.score_one();
  EXPECT_EQ(wait(first).status, 200);
  EXPECT_EQ(ask_scored("/v1/rerank", kTwoDocuments).status, 200);
}

TEST_F(ServiceTest, RefusesALargeBodyBeforeItIsRead) {
  ServiceOptions options;
  options.api_keys = {"secret"};
  start(options);
  HttpRequest head;
  head.method = "POST";
  head.target = "/v1/rerank";
  EXPECT_EQ(service_->refuse_unread(head).value().status, 401);
  head.headers = {{"Authorization", "Bearer secret"}};
  EXPECT_FALSE(service_->refuse_unread(head));
  head.target = "/nothing";
  EXPECT_EQ(service_->refuse_unread(head).value().status, 404);
}

}  // namespace
}  // namespace rerank
