#include "server/service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "rerank/error.h"
#include "server/scripted_engine.h"

namespace rerank {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::Not;

constexpr milliseconds kLongEnough{20'000};  // for what must happen; nothing waits for it in vain
const char* const kTwoDocuments = R"({"query": "q", "documents": ["short", "a longer one"]})";

// A service and the client of one connection, whose posted work runs in wait().
class ServiceTest : public testing::Test {
 protected:
  // A request on its way.
  struct Pending {
    std::optional<HttpReply> reply;
    HttpHandler::Cancel cancel;
  };

  void start(ServiceOptions options = {}, bool load = true) {
    options.served_names = {"model-a", "model-b"};
    service_ = std::make_unique<Service>(std::move(options), "scripted", counters_, budget_);
    if (load) begin_serving();
  }
  void begin_serving() { service_->begin_serving(std::make_unique<ScriptedEngine>(script_), false); }

  std::shared_ptr<Pending> send(const std::string& method, const std::string& target,
                                const std::string& body = "", std::vector<HttpHeader> headers = {}) {
    HttpRequest request;
    request.method = method;
    request.target = target;
    request.headers = std::move(headers);
    request.body = body;
    request.charge = MemoryCharge(budget_);
    EXPECT_TRUE(request.charge.resize(body.size()));
    auto pending = std::make_shared<Pending>();
    pending->cancel = service_->handle(
        std::move(request), [this](std::function<void()> work) { post(std::move(work)); },
        [this, pending](HttpReply reply) {
          post([pending, reply = std::move(reply)] { pending->reply = reply; });
        });
    return pending;
  }
  HttpReply wait(const std::shared_ptr<Pending>& pending) {
    while (!pending->reply && !HasFatalFailure()) run_one();
    return *pending->reply;
  }
  HttpReply ask(const std::string& method, const std::string& target, const std::string& body = "",
                std::vector<HttpHeader> headers = {}) {
    return wait(send(method, target, body, std::move(headers)));
  }
  HttpReply ask_scored(const std::string& target, const std::string& body,
                       std::vector<HttpHeader> headers = {}) {
    const auto pending = send("POST", target, body, std::move(headers));
    // A large body is read on a thread of the service.
    while (!pending->reply && script_.num_waiting() == 0) {
      run_posted();
      std::this_thread::sleep_for(milliseconds(1));
    }
    if (!pending->reply) script_.score_one();
    return wait(pending);
  }
  std::string metrics() { return ask("GET", "/metrics").body; }

  void post(std::function<void()> work) {
    {
      const std::lock_guard lock(mutex_);
      work_.push_back(std::move(work));
    }
    wake_.notify_one();
  }
  void run_one() {
    std::unique_lock lock(mutex_);
    ASSERT_TRUE(wake_.wait_for(lock, kLongEnough, [this] { return !work_.empty(); })) << "no answer";
    const auto work = std::move(work_.front());
    work_.pop_front();
    lock.unlock();
    work();
  }
  void run_posted() {
    for (;;) {
      {
        const std::lock_guard lock(mutex_);
        if (work_.empty()) return;
      }
      run_one();
    }
  }

  static std::string header_of(const HttpReply& reply, std::string_view name) {
    for (const HttpHeader& header : reply.headers) {
      if (header.name == name) return header.value;
    }
    return "(none)";
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> work_;
  FrontCounters counters_;
  MemoryBudget budget_{std::size_t{1} << 30};
  ScriptedEngine::Script script_;
  std::unique_ptr<Service> service_;
};

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

// Whoever has an answer finds it counted.
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

// The path of a model is nobody's business; clients may still call it by that.
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
  EXPECT_EQ(budget_.used_bytes(), 0);
}

// Until it is written, a reply is held, and charged for.
TEST_F(ServiceTest, ChargesForReplies) {
  start();
  const std::string document(100'000, 'x');
  const HttpReply reply = ask_scored("/rerank", R"({"query":"q","documents":[")" + document + R"("]})");
  EXPECT_GT(budget_.used_bytes(), 100'000);
  EXPECT_LT(budget_.used_bytes(), 110'000);
  EXPECT_NE(reply.held_until_written, nullptr);
}

TEST_F(ServiceTest, RefusesWhatItHasNoMemoryFor) {
  start();
  MemoryCharge others(budget_);
  ASSERT_TRUE(others.resize(static_cast<std::size_t>(budget_.limit_bytes())));
  const std::string document(100'000, 'x');
  const std::string body = R"({"query":"q","documents":[")" + document + R"("]})";
  const HttpReply refused = ask("POST", "/rerank", body);
  EXPECT_EQ(refused.status, 429);
  EXPECT_NE(header_of(refused, "retry-after"), "(none)");
  EXPECT_THAT(metrics(), HasSubstr(R"(rerank_rejected_requests_total{reason="memory_full"} 1)"));
  EXPECT_EQ(ask_scored("/rerank", R"({"query":"q","documents":["a"]})").status, 200);  // of the reserve
  others.clear();
  EXPECT_EQ(ask_scored("/rerank", body).status, 200);
}

TEST_F(ServiceTest, RefusesWhatIsLargerThanAllItsMemory) {
  start();
  const auto limit = static_cast<std::size_t>(budget_.limit_bytes());
  std::string values = "0";
  // 3.2 MB of text, and 16 times that to be read.
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

TEST_F(ServiceTest, GivesEveryErrorOfAForcedFormatItsShape) {
  ServiceOptions options;
  options.reply_format = "tei";
  options.api_keys = {"secret"};
  start(options);
  for (const char* path : {"/rerank", "/nothing"}) {
    EXPECT_THAT(ask("POST", path, "{").body, testing::StartsWith(R"({"error":")")) << path;
  }
}

TEST_F(ServiceTest, TokenizesNothingForWhoIsGoneOrLate) {
  start();
  const HttpReply late =
      ask("POST", "/tokenize", R"({"prompt": "ab"})", {{"X-Request-Timeout", "0.000000001"}});
  EXPECT_EQ(late.status, 504);
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
  // Work posted to the connection keeps it waiting: that runs below.
  EXPECT_FALSE(service_->end_all(milliseconds(0)));
  const HttpReply reply = wait(stuck);
  EXPECT_EQ(reply.status, 503);
  EXPECT_THAT(reply.body, HasSubstr("shutting down"));
  stuck->cancel = {};
  EXPECT_TRUE(service_->end_all(kLongEnough));
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
