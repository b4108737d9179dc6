// The generator's HTTP side against a server whose every byte is given by the test.
#include "load/http/http_target.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <mutex>
#include <utility>

#include "load/http/server_address.h"
#include "load/load_run.h"
#include "rerank/error.h"
#include "tests/support/scripted_server.h"

namespace rerank::load {
namespace {

using testing::HasSubstr;

constexpr const char* kTwoResults =
    R"({"results":[{"index":1,"relevance_score":0.5},{"index":0,"relevance_score":0.25}],"usage":{"total_tokens":42}})";

Job job_for_two() {
  Job job;
  job.path = "/v1/rerank";
  job.body = R"({"query":"q","documents":["a","b"]})";
  job.num_documents = job.num_results = 2;
  return job;
}

HttpOptions options_for(const ScriptedServer& server) {
  HttpOptions options;
  options.address = parse_server_address(server.url());
  return options;
}

// What a server was sent last; its threads and the test's share it.
class LastRequest {
 public:
  void set(const ScriptedRequest& request) {
    const std::lock_guard lock(mutex_);
    request_ = request;
  }
  ScriptedRequest get() const {
    const std::lock_guard lock(mutex_);
    return request_;
  }

 private:
  mutable std::mutex mutex_;
  ScriptedRequest request_;
};

// What comes of one request that is answered so.
Outcome outcome_of(const ScriptedAnswer& answer, const Job& job = job_for_two()) {
  const ScriptedServer server([&answer](const ScriptedRequest&) { return answer; });
  HttpTarget target(options_for(server));
  return send_and_wait(target, job);
}

TEST(HttpTarget, TakesTheReplyThatWasAskedFor) {
  const Outcome outcome = outcome_of(ScriptedAnswer::reply(200, kTwoResults));
  EXPECT_EQ(outcome.failure, Failure::kNone) << outcome.message;
  EXPECT_EQ(outcome.status, 200);
  EXPECT_EQ(outcome.num_tokens, 42);
  EXPECT_LE(outcome.sent, outcome.done);
  EXPECT_EQ(outcome.reply, "");
}

TEST(HttpTarget, KeepsTheReplyOfAJobThatWantsIt) {
  Job job;
  job.method = "GET";
  job.path = "/version";
  job.num_results = -1;
  job.keep_reply = true;
  LastRequest last;
  const ScriptedServer server([&last](const ScriptedRequest& request) {
    last.set(request);
    return ScriptedAnswer::reply(200, "anything");
  });
  HttpTarget target(options_for(server));
  EXPECT_EQ(send_and_wait(target, job).reply, "anything");
  EXPECT_THAT(last.get().head, HasSubstr("GET /version HTTP/1.1\r\n"));
}

TEST(HttpTarget, TellsFailuresApart) {
  struct Case {
    ScriptedAnswer answer;
    Failure failure;
    const char* name;
    const char* message;
  };
  const std::string whole = ScriptedAnswer::reply(200, kTwoResults).bytes;
  const Case cases[] = {
      {ScriptedAnswer::reply(429, R"({"error":{"message":"the queue is full"}})"), Failure::kStatus,
       "HTTP 429", "the queue is full"},
      {ScriptedAnswer::reply(503, "down"), Failure::kStatus, "HTTP 503", "down"},
      {ScriptedAnswer::reply(200, R"({"results":[{"index":0,"relevance_score":1}]})"), Failure::kReply,
       "wrong reply", "1 results instead of 2"},
      {ScriptedAnswer::reply(200, "<html>"), Failure::kReply, "wrong reply", "not JSON"},
      {{.bytes = "SSH-2.0-OpenSSH\r\n\r\n"}, Failure::kReply, "wrong reply", "not HTTP"},
      {{.bytes = whole.substr(0, whole.size() - 5), .close = true},
       Failure::kLost,
       "connection lost",
       "during the response"},
      {{.bytes = "", .close = true}, Failure::kLost, "connection lost", "before the response"},
  };
  for (const Case& one : cases) {
    const Outcome outcome = outcome_of(one.answer);
    EXPECT_EQ(outcome.failure, one.failure) << one.message;
    EXPECT_EQ(failure_name(outcome), one.name);
    EXPECT_THAT(outcome.message, HasSubstr(one.message));
  }
}

TEST(HttpTarget, GivesUpAfterItsTimeAndWhenAborted) {
  const ScriptedServer server(
      [](const ScriptedRequest&) { return ScriptedAnswer{.bytes = "", .hold = true}; });
  HttpOptions options = options_for(server);
  options.timeout = std::chrono::milliseconds(50);
  const Job job = job_for_two();
  {
    HttpTarget target(options);
    const Outcome outcome = send_and_wait(target, job);
    EXPECT_EQ(outcome.failure, Failure::kTimeout);
    EXPECT_GE(outcome.done - outcome.sent, options.timeout);
  }
  options.timeout = std::chrono::hours(1);
  HttpTarget target(options);
  LoadRun run(target, std::span(&job, 1), {.concurrency = 3, .max_requests = 10});
  while (server.num_requests() < 4) std::this_thread::yield();
  run.stop();
  EXPECT_TRUE(run.wait_for(std::chrono::seconds(60)));
  EXPECT_EQ(run.take_record().num_aborted, 3);
}

TEST(HttpTarget, SaysWhenNobodyListens) {
  int port = 0;
  {
    const ScriptedServer server([](const ScriptedRequest&) { return ScriptedAnswer{}; });
    port = parse_server_address(server.url()).url.port;
  }
  HttpOptions options;
  options.address = parse_server_address("http://127.0.0.1:" + std::to_string(port));
  HttpTarget target(options);
  const Outcome outcome = send_and_wait(target, job_for_two());
  EXPECT_EQ(outcome.failure, Failure::kConnect);
  EXPECT_THAT(outcome.message, HasSubstr("cannot connect"));
}

TEST(HttpTarget, ReadsWhateverHttpAllows) {
  const std::string body = kTwoResults;
  const std::string half = body.substr(0, 20);
  const auto hex = [](std::size_t size) {
    char text[16];
    snprintf(text, sizeof(text), "%zx", size);
    return std::string(text);
  };
  const std::string chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + hex(half.size()) +
                              "\r\n" + half + "\r\n" + hex(body.size() - half.size()) + "\r\n" +
                              body.substr(half.size()) + "\r\n0\r\n\r\n";
  const ScriptedAnswer answers[] = {
      {.bytes = chunked},
      {.bytes = "HTTP/1.1 100 Continue\r\n\r\n" + ScriptedAnswer::reply(200, body).bytes},
      {.bytes = "HTTP/1.0 200 OK\r\n\r\n" + body, .close = true},  // its end is the connection's
      {.bytes = "HTTP/1.1 200 OK\r\nx-long: " + std::string(7000, 'x') +
                "\r\ncontent-length: " + std::to_string(body.size()) + "\r\n\r\n" + body},
      {.bytes = ScriptedAnswer::reply(200, body + std::string(300'000, ' ')).bytes},
  };
  for (const ScriptedAnswer& answer : answers) {
    const Outcome outcome = outcome_of(answer);
    EXPECT_EQ(outcome.failure, Failure::kNone) << answer.bytes.substr(0, 40) << ": " << outcome.message;
    EXPECT_EQ(outcome.num_tokens, 42);
  }
}

TEST(HttpTarget, TakesTokensFromTheHeaderWhereTheBodyHasNone) {
  const Outcome outcome = outcome_of(ScriptedAnswer::reply(
      200, R"([{"index":0,"score":1},{"index":1,"score":0}])", "X-Compute-Tokens: 17\r\n"));
  EXPECT_EQ(outcome.failure, Failure::kNone) << outcome.message;
  EXPECT_EQ(outcome.num_tokens, 17);
}

TEST(HttpTarget, KeepsAConnectionForEachRequestAtATime) {
  const ScriptedServer server([](const ScriptedRequest&) { return ScriptedAnswer::reply(200, kTwoResults); });
  const Job job = job_for_two();
  for (const int num_threads : {1, 3}) {
    const int before = server.num_connections();
    HttpOptions options = options_for(server);
    options.num_threads = num_threads;
    HttpTarget target(options);
    LoadRun run(target, std::span(&job, 1), {.concurrency = 6, .max_requests = 200});
    EXPECT_TRUE(run.wait_for(std::chrono::seconds(60)));
    const RunRecord record = run.take_record();
    EXPECT_EQ(record.samples.size(), 200U);
    EXPECT_TRUE(record.failures.empty());
    EXPECT_EQ(server.num_connections() - before, 6);
  }
}

TEST(HttpTarget, ConnectsAgainWhereTheServerWillNotKeepConnections) {
  const ScriptedServer server([](const ScriptedRequest&) {
    ScriptedAnswer answer = ScriptedAnswer::reply(200, kTwoResults, "Connection: close\r\n");
    answer.close = true;
    return answer;
  });
  const Job job = job_for_two();
  HttpTarget target(options_for(server));
  for (int request = 0; request < 5; ++request) EXPECT_EQ(send_and_wait(target, job).failure, Failure::kNone);
  EXPECT_EQ(server.num_connections(), 5);
}

TEST(HttpTarget, SendsWhatItShould) {
  LastRequest last;
  const std::string socket = testing::TempDir() + "rerank-load-" + std::to_string(getpid());
  const ScriptedServer server(
      [&](const ScriptedRequest& request) {
        last.set(request);
        return ScriptedAnswer::reply(200, kTwoResults);
      },
      socket);
  HttpOptions options;
  options.address = parse_server_address("unix:" + socket);
  options.address.url.path = "/base";
  options.api_key = "secret";
  options.headers = {{"X-More", "yes"}};
  HttpTarget target(options);
  const Job job = job_for_two();
  EXPECT_EQ(send_and_wait(target, job).failure, Failure::kNone);
  EXPECT_EQ(last.get().body, job.body);
  for (const char* line :
       {"POST /base/v1/rerank HTTP/1.1\r\n", "Host: localhost\r\n", "Authorization: Bearer secret\r\n",
        "X-More: yes\r\n", "Content-Type: application/json\r\n"}) {
    EXPECT_THAT(last.get().head, HasSubstr(line));
  }
}

TEST(HttpTarget, RefusesWhatCannotBeSent) {
  HttpOptions options;
  options.address = parse_server_address("http://127.0.0.1:1");
  options.headers = {{"X", "a\r\nY: b"}};
  EXPECT_THROW(HttpTarget{options}, Error);
  options.headers = {{"X Y", "a"}};
  EXPECT_THROW(HttpTarget{options}, Error);
  options.headers.clear();
  options.address = parse_server_address("http://no-such-host.invalid");
  EXPECT_THROW(HttpTarget{options}, Error);
  options.address = parse_server_address("unix:/" + std::string(200, 'x'));
  EXPECT_THROW(HttpTarget{options}, Error);
}

}  // namespace
}  // namespace rerank::load
