// Calls that fail, and calls that succeed after a retry.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "rerank/client.h"
#include "tests/support/stand_in.h"

namespace rerank::client {
namespace {

using testing::HasSubstr;
using testing::Not;
using Reason = ClientError::Reason;

constexpr const char* kOneScore = R"({"results":[{"index":0,"relevance_score":0.5}]})";

// Answers by the number of the request; the last one for all that follow.
ScriptedServer::Script in_turn(std::vector<ScriptedAnswer> answers) {
  return [answers = std::move(answers)](const ScriptedRequest& request) {
    return answers[std::min(static_cast<std::size_t>(request.number), answers.size() - 1)];
  };
}

ScriptedAnswer good() {
  return ScriptedAnswer::reply(200, kOneScore);
}

Client client_of(const ScriptedServer& server, ClientOptions options = {}) {
  options.url = server.url();
  options.dialect = "jina";
  return Client(options);
}

float score_of(const ScriptedServer& server, ClientOptions options = {}) {
  return client_of(server, std::move(options)).rerank("q", {"d"}).scores.front();
}

ClientError failure_of(const Client& client, const std::vector<std::string>& documents = {"d"},
                       const RerankOptions& options = {}, const std::stop_token& stop = {}) {
  try {
    (void)client.rerank("q", documents, options, stop);
  } catch (const ClientError& error) {
    return error;
  }
  ADD_FAILURE() << "no error";
  return {ErrorCode::kInternal, "", {}};
}

TEST(ClientRetries, WhatIsWorthIt) {
  for (const int status : {429, 502, 503}) {
    ScriptedServer server(in_turn({ScriptedAnswer::reply(status, "later"), good()}));
    EXPECT_EQ(score_of(server), 0.5F);
    EXPECT_EQ(server.num_requests(), 2) << status;
  }
  for (const int status : {400, 401, 404, 413, 422, 500, 504}) {
    ScriptedServer server(in_turn({ScriptedAnswer::reply(status, "no"), good()}));
    EXPECT_EQ(failure_of(client_of(server)).status(), status);
    EXPECT_EQ(server.num_requests(), 1) << status;
  }
}

TEST(ClientRetries, AConnectionLostBeforeTheReply) {
  ScriptedServer server(in_turn({{.bytes = "", .close = true}, good()}));
  EXPECT_EQ(score_of(server), 0.5F);
  EXPECT_EQ(server.num_requests(), 2);
}

TEST(ClientRetries, NeverAfterAReplyBegan) {
  ScriptedServer server(in_turn(
      {{.bytes = "HTTP/1.1 200 OK\r\ncontent-length: 90\r\n\r\n{\"results\"", .close = true}, good()}));
  const ClientError error = failure_of(client_of(server));
  EXPECT_EQ(error.reason(), Reason::kConnection);
  EXPECT_EQ(error.status(), 0);
  EXPECT_EQ(server.num_requests(), 1);
}

TEST(ClientRetries, AsOftenAsAllowed) {
  ScriptedServer server(in_turn({ScriptedAnswer::reply(503, R"({"detail":"loading"})")}));
  const ClientError error = failure_of(client_of(server, {.max_retries = 2}));
  EXPECT_EQ(server.num_requests(), 3);
  EXPECT_EQ(error.num_attempts(), 3);
  EXPECT_EQ(error.status(), 503);
  EXPECT_EQ(error.code(), ErrorCode::kUnavailable);
  EXPECT_THAT(error.what(), HasSubstr("/v1/rerank returned status 503 after 3 attempts: loading"));
  ScriptedServer other(in_turn({ScriptedAnswer::reply(503, "")}));
  EXPECT_EQ(failure_of(client_of(other, {.max_retries = 0})).num_attempts(), 1);
}

TEST(ClientRetries, WhenTheServerSays) {
  ScriptedServer server(in_turn({ScriptedAnswer::reply(429, "", "Retry-After: 1\r\n"), good()}));
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(score_of(server), 0.5F);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::seconds(1));
}

TEST(ClientRetries, NotWhenTheServerSaysTooLate) {
  ScriptedServer server(in_turn({ScriptedAnswer::reply(429, "busy", "Retry-After: 100\r\n")}));
  const ClientError error = failure_of(client_of(server, {.timeout = std::chrono::seconds(20)}));
  EXPECT_EQ(error.reason(), Reason::kStatus);
  EXPECT_THAT(error.what(), HasSubstr("busy (it requests a wait of 100 s, longer than this call may take)"));
  ScriptedServer other(in_turn({ScriptedAnswer::reply(503, "", "Retry-After: 86400\r\n")}));
  EXPECT_EQ(failure_of(client_of(other, {.timeout = std::chrono::seconds(0)})).status(), 503);
}

TEST(ClientFailures, NobodyListens) {
  const Client client({.url = "http://127.0.0.1:1", .max_retries = 1});
  const ClientError error = failure_of(client);
  EXPECT_EQ(error.reason(), Reason::kConnection);
  EXPECT_EQ(error.num_attempts(), 2);
  EXPECT_THAT(error.what(), HasSubstr("127.0.0.1:1"));
  EXPECT_FALSE(client.healthy());
  EXPECT_EQ(failure_of(Client({.unix_socket = "/nonexistent/s", .max_retries = 0})).reason(),
            Reason::kConnection);
}

TEST(ClientFailures, TooSlow) {
  ScriptedServer server(in_turn({{.bytes = "", .hold = true}}));
  const ClientError error = failure_of(client_of(server, {.timeout = std::chrono::milliseconds(80)}));
  EXPECT_EQ(error.reason(), Reason::kTimeout);
  EXPECT_THAT(error.what(), HasSubstr("no response within the timeout"));
  RerankOptions options;
  options.timeout = std::chrono::milliseconds(80);
  EXPECT_EQ(failure_of(client_of(server), {"d"}, options).reason(), Reason::kTimeout);
  // A response that began counts as a timeout too.
  ScriptedServer half(in_turn({{.bytes = "HTTP/1.1 200 OK\r\ncontent-length: 90\r\n\r\n{", .hold = true}}));
  EXPECT_EQ(failure_of(client_of(half), {"d"}, options).reason(), Reason::kTimeout);
}

TEST(ClientFailures, Cancelled) {
  std::stop_source stop;
  ScriptedServer server([&stop](const ScriptedRequest&) {
    stop.request_stop();
    return ScriptedAnswer{.bytes = "", .hold = true};
  });
  EXPECT_EQ(failure_of(client_of(server), {"d"}, {}, stop.get_token()).reason(), Reason::kCancelled);
  const Client by_parts = client_of(server, {.max_documents_per_request = 1});
  EXPECT_EQ(failure_of(by_parts, {"a", "b", "c"}, {}, stop.get_token()).reason(), Reason::kCancelled);
  EXPECT_EQ(server.num_requests(), 1);
}

TEST(ClientFailures, CancelledWhileWaitingToTryAgain) {
  std::stop_source stop;
  ScriptedServer server([&stop](const ScriptedRequest&) {
    stop.request_stop();
    return ScriptedAnswer::reply(503, "", "Retry-After: 50\r\n");
  });
  EXPECT_EQ(failure_of(client_of(server), {"d"}, {}, stop.get_token()).reason(), Reason::kCancelled);
}

TEST(ClientFailures, OnePartEndsTheOthersAndIsNamed) {
  ScriptedServer server([](const ScriptedRequest& request) {
    const std::vector<std::string> documents = documents_of(request);
    if (documents.front() == "bad") return ScriptedAnswer::reply(400, R"({"message":"too long"})");
    return ScriptedAnswer{.bytes = "", .hold = true};  // until it is cancelled
  });
  const Client client = client_of(server, {.max_connections = 3, .max_documents_per_request = 2});
  const ClientError error = failure_of(client, {"a", "b", "c", "d", "bad", "f", "g"});
  EXPECT_EQ(error.status(), 400);
  EXPECT_EQ(error.server_message(), "too long");
  EXPECT_THAT(error.what(), HasSubstr("part 3 of 4, documents 4 to 5: "));
  EXPECT_LE(server.num_requests(), 3);
}

TEST(ClientFailures, SayWhatTheServerSaid) {
  RerankOptions options;
  options.request_id = "mine";
  ScriptedServer server(in_turn({ScriptedAnswer::reply(401, R"({"error":{"message":"wrong key"}})")}));
  const ClientError error = failure_of(client_of(server), {"d"}, options);
  EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(error.server_message(), "wrong key");
  EXPECT_EQ(error.request_id(), "mine");
  EXPECT_THAT(error.what(), HasSubstr("wrong key (no API key was sent: set api_key)"));
  const ClientError with_key = failure_of(client_of(server, {.api_key = "secret"}));
  EXPECT_THAT(with_key.what(), Not(HasSubstr("secret")));
  EXPECT_THAT(with_key.what(), Not(HasSubstr("no API key")));
  ScriptedServer moved(
      in_turn({ScriptedAnswer::reply(308, "", "Location: https://new/\r\nX-Request-Id: r\r\n")}));
  const ClientError redirect = failure_of(client_of(moved));
  EXPECT_THAT(redirect.what(), HasSubstr("moved to https://new/"));
  EXPECT_EQ(redirect.request_id(), "r");
  ScriptedServer missing(in_turn({ScriptedAnswer::reply(404, "")}));
  EXPECT_EQ(failure_of(client_of(missing)).code(), ErrorCode::kNotFound);
}

TEST(ClientFailures, RepliesThatMakeNoSense) {
  for (const std::string body :
       {R"({"results":[]})", R"([{"index":0,"score":"1"}])", "<html></html>", "", "{"}) {
    ScriptedServer server(in_turn({ScriptedAnswer::reply(200, body)}));
    const ClientError error = failure_of(client_of(server));
    EXPECT_EQ(error.reason(), Reason::kReply) << body;
    EXPECT_EQ(error.status(), 200) << body;
    EXPECT_EQ(server.num_requests(), 1) << body;
  }
  ScriptedServer huge(in_turn({ScriptedAnswer::reply(200, std::string(2'000'000, ' '))}));
  EXPECT_EQ(failure_of(client_of(huge, {.max_reply_bytes = 1'000'000})).reason(), Reason::kReply);
}

TEST(ClientFailures, NoRerankerFound) {
  ScriptedServer server(in_turn({ScriptedAnswer::reply(404, "")}));
  const ClientError error = failure_of(Client({.url = server.url()}));
  EXPECT_THAT(error.what(), HasSubstr("no reranker found"));
  EXPECT_EQ(error.status(), 404);
  ScriptedServer locked(in_turn({ScriptedAnswer::reply(401, R"({"error":"key?"})")}));
  EXPECT_EQ(failure_of(Client({.url = locked.url()})).status(), 401);
  EXPECT_EQ(locked.num_requests(), 1);
}

TEST(ClientFailures, AsksAgainWhoItIsWhenTheRouteIsGone) {
  std::atomic<bool> is_tei = false;
  ScriptedServer server([&is_tei](const ScriptedRequest& request) {
    return stand_in_answer(is_tei ? "tei" : "vllm", request);
  });
  const Client client({.url = server.url()});
  EXPECT_EQ(client.rerank("q", {"0.5"}).scores.front(), 0.5F);
  is_tei = true;
  EXPECT_EQ(failure_of(client).status(), 404);
  EXPECT_EQ(client.rerank("q", {"0.5"}).scores.front(), 0.5F);
  EXPECT_EQ(client.server().dialect, "tei");
}

TEST(ClientFailures, ArgumentsThatMakeNoSense) {
  const auto message_of = [](const auto& work) -> std::string {
    try {
      work();
    } catch (const ClientError&) {
      return "a ClientError";
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  };
  const auto refused = [&](const ClientOptions& options) {
    return message_of([&] { const Client client(options); });
  };
  EXPECT_THAT(refused({.url = "localhost"}), HasSubstr("http://"));
  EXPECT_THAT(refused({.dialect = "x"}), HasSubstr("dialect"));
  EXPECT_THAT(refused({.max_retries = -1}), HasSubstr("max_retries"));
  EXPECT_THAT(refused({.max_connections = 0}), HasSubstr("max_connections"));
  EXPECT_THAT(refused({.timeout = std::chrono::milliseconds(-1)}), HasSubstr("timeout"));
  const Client tei({.url = "http://127.0.0.1:1", .dialect = "tei"});
  RerankOptions options;
  options.instruction = "i";
  EXPECT_THAT(message_of([&] { (void)tei.rerank("q", {"d"}, options); }), HasSubstr("instruction"));
  EXPECT_THAT(message_of([&] {
                (void)tei.score({"a", "b"}, {"d"});
              }),
              HasSubstr("2 queries and 1 documents"));
  const Client cohere({.url = "https://api.cohere.com"});
  EXPECT_THAT(message_of([&] { (void)cohere.rerank("q", {"d"}); }),
              HasSubstr("model: Cohere requires a model name"));
  ScriptedServer server(in_turn({good()}));
  const Client split_header = client_of(server, {.headers = {{"X", "a\r\nY: b"}}});
  EXPECT_THAT(message_of([&] { (void)split_header.rerank("q", {"d"}); }), HasSubstr("line break"));
  EXPECT_EQ(server.num_requests(), 0);
}

}  // namespace
}  // namespace rerank::client
