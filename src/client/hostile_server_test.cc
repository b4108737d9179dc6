// A malicious server: memory, time and what is displayed are bounded.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/gzip_body.h"
#include "rerank/client.h"
#include "tests/support/scripted_server.h"

namespace rerank::client {
namespace {

using testing::HasSubstr;
using Reason = ClientError::Reason;
using std::chrono::seconds;

constexpr const char* kOkay = "HTTP/1.1 200 OK\r\n";
constexpr const char* kOneScore = R"({"results":[{"index":0,"relevance_score":0.5}]})";

std::string repeated(std::string_view text, std::size_t count) {
  std::string all;
  all.reserve(text.size() * count);
  for (std::size_t i = 0; i < count; ++i) all += text;
  return all;
}

ScriptedServer::Script always(ScriptedAnswer answer) {
  answer.close = true;
  return [answer = std::move(answer)](const ScriptedRequest&) { return answer; };
}

ClientError failure_of(const ScriptedServer& server, ClientOptions options = {}) {
  options.url = server.url();
  if (options.dialect == "auto") options.dialect = "jina";
  const auto begin = std::chrono::steady_clock::now();
  try {
    (void)Client(options).rerank("q", {"d"});
  } catch (const ClientError& error) {
    EXPECT_LT(std::chrono::steady_clock::now() - begin, seconds(60));
    EXPECT_EQ(server.num_requests(), 1);
    return error;
  }
  ADD_FAILURE() << "no error";
  return {ErrorCode::kInternal, "", {}};
}

ClientError failure_of_body(const std::string& body, const std::string& headers = "",
                            const ClientOptions& options = {}) {
  const ScriptedServer server(always(ScriptedAnswer::reply(200, body, headers)));
  return failure_of(server, options);
}

TEST(HostileServer, EndlessHeaders) {
  for (const std::string& bytes :
       {kOkay + repeated(fmt::format("X-More: {}\r\n", std::string(1000, 'a')), 20'000),
        kOkay + repeated(std::string(1000, 'a'), 20'000),
        repeated("HTTP/1.1 100 Continue\r\n\r\n", 200'000) + kOkay,
        kOkay + std::string("Transfer-Encoding: chunked\r\n\r\n0\r\n") +
            repeated("X-Trailer: a\r\n", 200'000)}) {
    const ScriptedServer server(always({.bytes = bytes}));
    const ClientError error = failure_of(server);
    EXPECT_THAT(error.reason(), testing::AnyOf(Reason::kReply, Reason::kConnection)) << bytes.substr(0, 30);
  }
  const ScriptedServer server(always({.bytes = repeated("HTTP/1.1 100 Continue\r\n\r\n", 200'000)}));
  EXPECT_THAT(failure_of(server).what(), HasSubstr("the response headers exceed 262144 bytes"));
}

TEST(HostileServer, ABodyWithoutEnd) {
  const std::string chunk = fmt::format("{:x}\r\n{}\r\n", 1 << 20, std::string(1 << 20, ' '));
  const ScriptedServer server(
      always({.bytes = kOkay + std::string("Transfer-Encoding: chunked\r\n\r\n") + repeated(chunk, 80)}));
  const ClientError error = failure_of(server);
  EXPECT_EQ(error.reason(), Reason::kReply);
  EXPECT_THAT(error.what(), HasSubstr("the response exceeds 67108864 bytes"));
}

TEST(HostileServer, AGzipBomb) {
  const std::string bomb = gzip_body(repeated(std::string(1000, ' '), 200'000));
  EXPECT_LT(bomb.size(), 2'000'000U);
  const std::string header = "Content-Encoding: gzip\r\n";
  EXPECT_THAT(failure_of_body(bomb, header, {.compress_replies = true}).what(),
              HasSubstr("the response exceeds 67108864 bytes"));
  // gzip was not requested: it is not decompressed.
  EXPECT_EQ(failure_of_body(bomb, header).reason(), Reason::kReply);
}

TEST(HostileServer, JsonMadeToFillMemory) {
  const std::string two_million = repeated("[],", 2'000'000);
  EXPECT_THAT(failure_of_body("{\"results\":[" + two_million + "0]}").what(),
              HasSubstr("JSON of more than 10064 values"));
  EXPECT_THAT(failure_of_body(repeated("{\"a\":", 1'000'000)).what(), HasSubstr("not JSON"));
  EXPECT_THAT(failure_of_body(repeated("[", 1'000'000)).what(), HasSubstr("not JSON"));
  EXPECT_THAT(
      failure_of_body("{\"results\":[{\"index\":0,\"score\":1" + std::string(5'000'000, '0') + "}]}").what(),
      HasSubstr("is not a number"));
  // An error without details is still an error.
  const ScriptedServer server(always(ScriptedAnswer::reply(400, "[" + two_million + "0]")));
  EXPECT_EQ(failure_of(server).status(), 400);
  // So may a list of models.
  const ScriptedServer models([&](const ScriptedRequest& request) {
    return request.path() == "/v1/rerank" ? ScriptedAnswer::reply(200, kOneScore)
                                          : ScriptedAnswer::reply(200, "{\"data\":[" + two_million + "0]}");
  });
  EXPECT_EQ(Client({.url = models.url()}).rerank("q", {"d"}).scores.front(), 0.5F);
}

TEST(HostileServer, AReplyThatDripsOnBeyondTheDeadline) {
  for (const std::string head : {"", kOkay, "HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n"}) {
    const ScriptedServer server(
        always({.bytes = head.empty() ? kOkay + std::string(5000, 'a') : head + std::string(5000, ' '),
                .drip = true}));
    EXPECT_EQ(failure_of(server, {.timeout = std::chrono::milliseconds(1000)}).reason(), Reason::kTimeout);
  }
}

TEST(HostileServer, CountsThatOverflow) {
  const std::string most =
      R"({"usage":{"total_tokens":9223372036854775807},"results":[{"index":0,"score":1}]})";
  for (const std::string& body :
       {most, std::string(R"({"usage":{"total_tokens":-1},"results":[{"index":0,"score":1}]})"),
        std::string(kOneScore)}) {
    const ScriptedServer server([&](const ScriptedRequest&) {
      return ScriptedAnswer::reply(200, body, "X-Compute-Tokens: 9223372036854775807\r\n");
    });
    const Client client({.url = server.url(), .dialect = "jina", .max_documents_per_request = 1});
    const RerankReply reply = client.rerank("q", {"a", "b", "c"});
    EXPECT_EQ(reply.num_tokens, std::nullopt);
    EXPECT_EQ(reply.scores.size(), 3U);
  }
}

TEST(HostileServer, NothingThatSteersATerminal) {
  const std::string evil =
      "a\x1b[31mb\xc2\x9b"
      "31mc\xe2\x80\xae"
      "d\x01";
  const ScriptedServer server(always(ScriptedAnswer::reply(
      307, "",
      fmt::format("Location: http://{}\r\nX-Request-Id: {}{}\r\n", evil, evil, std::string(5000, 'x')))));
  const ClientError error = failure_of(server);
  for (const std::string& text : {std::string(error.what()), error.request_id(), error.server_message()}) {
    for (const char* const part : {"\x1b", "\xc2\x9b", "\xe2\x80\xae", "\x01"}) {
      EXPECT_EQ(text.find(part), text.npos) << text;
    }
  }
  EXPECT_LT(error.request_id().size(), 220U);
}

TEST(ClientOptions, NumbersHaveBounds) {
  const auto refused = [](const ClientOptions& options) -> std::string {
    try {
      const Client client(options);
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_EQ(refused({.max_retries = 1001}), "max_retries must be between 0 and 1000");
  EXPECT_EQ(refused({.max_connections = 999'999}), "max_connections must be between 1 and 4096");
  EXPECT_EQ(refused({.connect_timeout = std::chrono::milliseconds::max()}),
            "connect_timeout must be more than 0 and at most 1000000 seconds");
  EXPECT_EQ(refused({.timeout = std::chrono::milliseconds::max()}),
            "timeout must be between 0 (none) and 1000000 seconds");
  EXPECT_EQ(refused({.max_documents_per_request = 10'000'001}),
            "max_documents_per_request must be between 0 and 10000000");
  EXPECT_EQ(refused({.max_request_bytes = SIZE_MAX}), "max_request_bytes must be between 0 and 1073741824");
  EXPECT_EQ(refused({.max_reply_bytes = SIZE_MAX}), "max_reply_bytes must be between 1 and 4294967296");
  RerankOptions options;
  options.timeout = std::chrono::milliseconds::max();
  EXPECT_THROW((void)Client({.url = "http://127.0.0.1:1"}).rerank("q", {"d"}, options), Error);
}

}  // namespace
}  // namespace rerank::client
