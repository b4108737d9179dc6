#include "server/service/service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "rerank/error.h"
#include "tests/support/service_fixture.h"

namespace rerank {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::Not;

TEST_F(ServiceTest, Reranks) {
  start();
  const HttpReply reply = ask_scored("/v1/rerank", kTwoDocuments, {{"X-Request-Id", "abc"}});
  EXPECT_EQ(reply.status, 200);
  EXPECT_THAT(reply.body, HasSubstr(R"("id":"rerank-abc")"));
  EXPECT_THAT(reply.body, HasSubstr(R"("model":"model-a")"));
  EXPECT_THAT(reply.body, HasSubstr(R"("results":[{"index":1,"relevance_score":0.12)"));
  EXPECT_EQ(header_of(reply, "x-request-id"), "abc");
  EXPECT_EQ(header_of(reply, "x-compute-tokens"), "17");
}

// A request is counted before its reply can be seen.
TEST_F(ServiceTest, CountsBeforeItAnswers) {
  start();
  for (const char* body : {kTwoDocuments, R"({"query": "q", "documents": ["a"], "top_n": 1})"}) {
    HttpRequest request;
    request.method = "POST";
    request.target = "/rerank";
    request.body = body;
    const bool fails = body != kTwoDocuments;
    const std::string status = fails ? "503" : "200";
    std::string then;
    service_->handle(
        std::move(request), [this](std::function<void()> work) { post(std::move(work)); },
        [&](const HttpReply& reply) {
          EXPECT_EQ(std::to_string(reply.status), status);
          then = metrics();
        });
    fails ? script_.end_one(script_.first_id(), Status::kUnavailable, "broken") : script_.score_one();
    while (then.empty()) run_one();
    EXPECT_THAT(then, HasSubstr("rerank_requests_total{route=\"/rerank\",status=\"" + status + "\"} 1"));
    EXPECT_THAT(then, HasSubstr("http_requests_total{handler=\"/rerank\",method=\"POST\",status=\"" + status +
                                "\"} 1"));
  }
}

TEST_F(ServiceTest, ScoresPairsOfSeveralQueriesAsOneRequest) {
  start();
  const auto pending = send("POST", "/v1/score", R"({"text_1": ["a", "b"], "text_2": ["one", "three"]})");
  ASSERT_EQ(script_.num_waiting(), 1U);
  EXPECT_THAT(script_.first_request().queries, testing::ElementsAre("a", "b"));
  script_.score_one();
  const HttpReply reply = wait(pending);
  EXPECT_EQ(reply.status, 200);
  EXPECT_THAT(reply.body, HasSubstr("0.03"));
  EXPECT_THAT(reply.body, HasSubstr("0.05"));
}

TEST_F(ServiceTest, ReadsLargeBodiesToo) {
  start();
  const std::string large(300'000, 'x');
  const HttpReply reply =
      ask_scored("/rerank", R"({"query": "q", "documents": [")" + large + R"("], "return_documents": true})");
  EXPECT_EQ(reply.status, 200);
  EXPECT_THAT(reply.body, HasSubstr(large));
}

TEST_F(ServiceTest, CancelsWhatNobodyWaitsFor) {
  start();
  const auto pending = send("POST", "/v1/rerank", kTwoDocuments);
  ASSERT_EQ(script_.num_waiting(), 1U);
  pending->cancel();
  EXPECT_EQ(script_.num_waiting(), 0U);
  run_posted();
  EXPECT_FALSE(pending->reply);
  EXPECT_THAT(metrics(), HasSubstr(R"(rerank_requests_total{route="/v1/rerank",status="499"} 1)"));
  EXPECT_THAT(metrics(), HasSubstr("\nrerank_queued_documents{model_name=\"model-a\",engine=\"0\"} 0\n"));
}

TEST_F(ServiceTest, PassesDeadlinesOn) {
  ServiceOptions options;
  options.request_timeout = milliseconds(10'000);
  start(options);
  const auto seconds_left = [&](std::vector<HttpHeader> headers) {
    const auto before = std::chrono::steady_clock::now();
    const auto pending = send("POST", "/v1/rerank", kTwoDocuments, std::move(headers));
    const auto deadline = script_.first_request().deadline.value();
    script_.end_one(script_.first_id(), Status::kDeadlineExceeded, "too late");
    const HttpReply reply = wait(pending);
    EXPECT_EQ(reply.status, 504);
    EXPECT_EQ(header_of(reply, "retry-after"), "(none)");
    EXPECT_THAT(reply.body, HasSubstr("too late"));
    return std::chrono::duration<double>(deadline - before).count();
  };
  EXPECT_NEAR(seconds_left({}), 10, 5);
  EXPECT_NEAR(seconds_left({{"X-Request-Timeout", "1.5"}}), 1.5, 1);
  EXPECT_NEAR(seconds_left({{"X-Request-Timeout", "100"}}), 10, 5);
  for (const char* wrong : {"0", "-1", "soon", "1s", "nan"}) {
    const HttpReply reply = ask("POST", "/v1/rerank", kTwoDocuments, {{"X-Request-Timeout", wrong}});
    EXPECT_EQ(reply.status, 400) << wrong;
    EXPECT_THAT(reply.body, HasSubstr("X-Request-Timeout")) << wrong;
  }
  EXPECT_EQ(script_.num_waiting(), 0U);
}

TEST_F(ServiceTest, FinishesWhatItAcceptedAndTakesNoMore) {
  start();
  const auto accepted = send("POST", "/v1/rerank", kTwoDocuments);
  service_->begin_leaving();
  EXPECT_EQ(ask("GET", "/v1/health/ready").status, 503);
  EXPECT_EQ(ask("GET", "/v1/health/live").status, 200);
  const auto still_accepted = send("POST", "/v1/rerank", kTwoDocuments);
  service_->begin_drain();
  const HttpReply refused = ask("POST", "/v1/rerank", kTwoDocuments);
  EXPECT_EQ(refused.status, 503);
  EXPECT_NE(header_of(refused, "retry-after"), "(none)");
  script_.score_one();
  script_.score_one();
  EXPECT_EQ(wait(accepted).status, 200);
  EXPECT_EQ(wait(still_accepted).status, 200);
}

TEST_F(ServiceTest, EndsWhatDoesNotFinish) {
  start();
  const auto stuck = send("POST", "/v1/rerank", kTwoDocuments);
  service_->begin_drain();
  // Work posted to the connection keeps it waiting: this runs it.
  EXPECT_FALSE(service_->end_all(milliseconds(0)));
  const HttpReply reply = wait(stuck);
  EXPECT_EQ(reply.status, 503);
  EXPECT_THAT(reply.body, HasSubstr("shutting down"));
  stuck->cancel = {};
  EXPECT_TRUE(service_->end_all(kLongEnough));
}

TEST_F(ServiceTest, AnswersPreflights) {
  ServiceOptions options;
  options.allowed_origins = {"https://a.example"};
  start(options);
  const HttpReply reply =
      ask("OPTIONS", "/v1/rerank", "",
          {{"Origin", "https://a.example"}, {"Access-Control-Request-Headers", "authorization"}});
  EXPECT_EQ(reply.status, 204);
  EXPECT_EQ(header_of(reply, "access-control-allow-origin"), "https://a.example");
  EXPECT_EQ(header_of(reply, "access-control-allow-headers"), "authorization");
  EXPECT_EQ(ask("OPTIONS", "/nothing").status, 404);
}

TEST_F(ServiceTest, EchoesTracesAndNoOtherHeader) {
  start();
  const std::string trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  EXPECT_EQ(header_of(ask("GET", "/version", "", {{"traceparent", trace}}), "traceparent"), trace);
  EXPECT_EQ(header_of(ask("GET", "/version", "", {{"traceparent", "nonsense"}}), "traceparent"), "(none)");
}

TEST_F(ServiceTest, TokenizesBothWays) {
  start();
  EXPECT_THAT(ask("POST", "/tokenize", R"({"prompt": "ab"})").body, HasSubstr("[97,98]"));
  EXPECT_THAT(ask("POST", "/detokenize", R"({"tokens": [97, 98]})").body, HasSubstr(R"("ab")"));
}

TEST_F(ServiceTest, KnowsPathsBelowTheRootPath) {
  ServiceOptions options;
  options.root_path = "/models/reranker";
  start(options);
  EXPECT_EQ(ask_scored("/models/reranker/v1/rerank", kTwoDocuments).status, 200);
  EXPECT_EQ(ask_scored("/v1/rerank", kTwoDocuments).status, 200);
}

TEST_F(ServiceTest, ForcesOneReplyFormat) {
  ServiceOptions options;
  options.reply_format = "tei";
  start(options);
  EXPECT_THAT(ask_scored("/v1/rerank", kTwoDocuments).body, testing::StartsWith("["));
  options.reply_format = "no such format";
  EXPECT_THROW(Service(options, "m", counters_, budget_), Error);
}

TEST_F(ServiceTest, CountsByRouteAndNeverByWhatStrangersInvent) {
  start();
  ask("GET", "/a/path/that/grows");
  ask("BREW", "/v1/rerank");
  ask_scored("/v1/retrieval/model-a/reranking", kTwoDocuments);
  const std::string text = metrics();
  EXPECT_THAT(text, HasSubstr(R"(http_requests_total{handler="none",method="GET",status="404"} 1)"));
  EXPECT_THAT(text, HasSubstr(R"(http_requests_total{handler="/v1/rerank",method="other",status="405"} 1)"));
  EXPECT_THAT(text, HasSubstr(R"(handler="/v1/retrieval/{model}/reranking",method="POST",status="200"} 1)"));
  EXPECT_THAT(text, Not(HasSubstr("grows")));
  EXPECT_THAT(text, Not(HasSubstr("BREW")));
}

}  // namespace
}  // namespace rerank
