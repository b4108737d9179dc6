#include "http/transfer.h"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "http/transfer_pool.h"
#include "tests/support/scripted_server.h"

namespace rerank {
namespace {

using Kind = TransferError::Kind;

ScriptedServer::Script always(const ScriptedAnswer& answer) {
  return [answer](const ScriptedRequest&) { return answer; };
}

TransferRequest get(const std::string& url) {
  return {.url = url};
}

struct Failure {
  Kind kind;
  bool reply_began;
  std::string message;
};

Failure failure_of(const TransferRequest& request, TransferOptions options = {}) {
  Transfer transfer(std::move(options));
  try {
    transfer.perform(request);
  } catch (const TransferError& error) {
    return {error.kind(), error.reply_began(), error.what()};
  }
  ADD_FAILURE() << "no error";
  return {};
}

TEST(Transfer, ShowsStatusHeadersAndBody) {
  ScriptedServer server(always(ScriptedAnswer::reply(404, "gone", "X-Thing:  a b \r\n")));
  Transfer transfer({});
  const TransferReply reply = transfer.perform(get(server.url() + "/x"));
  EXPECT_EQ(reply.head.status, 404);
  EXPECT_EQ(reply.head.header("x-thing"), "a b");
  EXPECT_EQ(reply.head.header("x-other"), "");
  EXPECT_EQ(reply.body, "gone");
}

TEST(Transfer, PostsTheBodyAsItIs) {
  std::string seen;
  ScriptedServer server([&seen](const ScriptedRequest& request) {
    seen = request.head + request.body;
    return ScriptedAnswer::reply(200, "");
  });
  const std::string body(300'000, 'b');  // large enough for libcurl to think of Expect
  Transfer transfer({});
  transfer.perform({.method = "POST", .url = server.url(), .headers = {{"X-Empty", ""}}, .body = body});
  EXPECT_TRUE(seen.ends_with("\r\n\r\n" + body));
  EXPECT_NE(seen.find("\r\nX-Empty:"), std::string::npos);
  EXPECT_EQ(seen.find("Expect"), std::string::npos);
  transfer.perform({.method = "POST", .url = server.url()});
  EXPECT_TRUE(seen.starts_with("POST ")) << seen;
  EXPECT_TRUE(seen.ends_with("\r\n\r\n"));
}

TEST(Transfer, KeepsItsConnection) {
  ScriptedServer server(always(ScriptedAnswer::reply(200, "ok")));
  Transfer transfer({});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(transfer.perform(get(server.url())).body, "ok");
  EXPECT_EQ(server.num_connections(), 1);
  EXPECT_EQ(server.num_requests(), 3);
}

TEST(Transfer, GoesOnWhenTheKeptConnectionWasClosed) {
  ScriptedAnswer answer = ScriptedAnswer::reply(200, "ok");
  answer.close = true;
  ScriptedServer server(always(answer));
  Transfer transfer({});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(transfer.perform(get(server.url())).body, "ok");
}

TEST(Transfer, SaysWhetherAReplyBegan) {
  ScriptedServer silent(always({.bytes = "", .close = true}));
  const Failure before = failure_of(get(silent.url()));
  EXPECT_EQ(before.kind, Kind::kLost);
  EXPECT_FALSE(before.reply_began);
  ScriptedServer half(always({.bytes = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf", .close = true}));
  const Failure after = failure_of(get(half.url()));
  EXPECT_EQ(after.kind, Kind::kLost);
  EXPECT_TRUE(after.reply_began);
}

TEST(Transfer, NamesWhatWentWrong) {
  EXPECT_EQ(failure_of(get("http://127.0.0.1:1/")).kind, Kind::kConnect);
  EXPECT_EQ(failure_of(get("ftp://127.0.0.1/")).kind, Kind::kRequest);
  EXPECT_EQ(failure_of(get("file:///etc/hostname")).kind, Kind::kRequest);
  EXPECT_EQ(failure_of({.url = "http://127.0.0.1:1/", .headers = {{"X", "a\r\nY: b"}}}).kind, Kind::kRequest);
  EXPECT_EQ(failure_of(get("http://x/"), {.unix_socket = "/nonexistent/socket"}).kind, Kind::kConnect);
  ScriptedServer no_http(always({.bytes = "SSH-2.0-x\r\n", .close = true}));
  EXPECT_EQ(failure_of(get(no_http.url())).kind, Kind::kLost);
}

TEST(Transfer, EndsAtItsTimeout) {
  ScriptedServer server(always({.bytes = "", .hold = true}));
  TransferRequest request = get(server.url());
  request.timeout = std::chrono::milliseconds(50);
  EXPECT_EQ(failure_of(request).kind, Kind::kTimeout);
}

TEST(Transfer, EndsWhenAskedTo) {
  std::stop_source stop;
  ScriptedServer server([&stop](const ScriptedRequest&) {
    stop.request_stop();
    return ScriptedAnswer{.bytes = "", .hold = true};
  });
  Transfer transfer({});
  try {
    transfer.perform(get(server.url()), stop.get_token());
    FAIL() << "no error";
  } catch (const TransferError& error) {
    EXPECT_EQ(error.kind(), Kind::kCancelled);
  }
  // Stopped before it begins: nothing is sent.
  EXPECT_THROW(transfer.perform(get(server.url()), stop.get_token()), TransferError);
  EXPECT_EQ(server.num_requests(), 1);
}

TEST(Transfer, ShowsTheHeadBeforeTheBody) {
  ScriptedServer server(always(ScriptedAnswer::reply(200, std::string(100'000, 'x'))));
  std::size_t size = 0;
  TransferRequest request = get(server.url());
  request.on_head = [&size](const TransferHead& head) { return size == 0 && head.status == 200; };
  request.on_body = [&size](std::string_view part) {
    size += part.size();
    return true;
  };
  EXPECT_EQ(Transfer({}).perform(request).body, "");
  EXPECT_EQ(size, 100'000U);
  request.on_head = [](const TransferHead&) { return false; };
  EXPECT_EQ(failure_of(request).kind, Kind::kGivenUp);
  request.on_head = [](const TransferHead&) -> bool { throw Error(ErrorCode::kNotFound, "from inside"); };
  try {
    Transfer({}).perform(request);
    FAIL() << "no error";
  } catch (const TransferError&) {
    FAIL() << "the callback's own error is expected";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "from inside");
  }
}

TEST(Transfer, CallsForTheHeadOfAnAnswerWithoutBody) {
  ScriptedServer server(always(ScriptedAnswer::reply(204, "")));
  int status = 0;
  TransferRequest request{.method = "HEAD", .url = server.url()};
  request.on_head = [&status](const TransferHead& head) {
    status = head.status;
    return true;
  };
  EXPECT_EQ(Transfer({}).perform(request).head.status, 204);
  EXPECT_EQ(status, 204);
}

TEST(Transfer, BoundsTheBody) {
  ScriptedServer server(always(ScriptedAnswer::reply(200, "12345")));
  TransferRequest request = get(server.url());
  request.max_body_bytes = 4;
  EXPECT_EQ(failure_of(request).kind, Kind::kTooLarge);
  request.max_body_bytes = 5;
  EXPECT_EQ(Transfer({}).perform(request).body, "12345");
}

TEST(Transfer, TakesNoKeyToAnotherHost) {
  std::string seen;
  ScriptedServer other([&seen](const ScriptedRequest& request) {
    seen = request.head;
    return ScriptedAnswer::reply(200, "there");
  });
  ScriptedServer server(always(ScriptedAnswer::reply(302, "", "location: " + other.url() + "/y\r\n")));
  TransferRequest request{.url = server.url(), .headers = {{"Authorization", "Bearer secret"}}};
  EXPECT_EQ(Transfer({}).perform(request).head.status, 302);
  request.max_redirects = 3;
  const TransferReply reply = Transfer({}).perform(request);
  EXPECT_EQ(reply.body, "there");
  EXPECT_EQ(reply.head.url, other.url() + "/y");
  EXPECT_EQ(seen.find("secret"), std::string::npos) << seen;
}

TEST(Transfer, SpeaksOverAUnixSocket) {
  const std::string path = testing::TempDir() + "transfer_test.socket";
  std::filesystem::remove(path);
  ScriptedServer server(always(ScriptedAnswer::reply(200, "local")), path);
  EXPECT_EQ(Transfer({.unix_socket = path}).perform(get("http://anything/")).body, "local");
  std::filesystem::remove(path);
}

TEST(TransferPool, SharesConnectionsBetweenThreads) {
  ScriptedServer server(always(ScriptedAnswer::reply(200, "ok")));
  TransferPool pool({}, 4);
  std::atomic<int> num_right = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        for (int j = 0; j < 25; ++j) num_right += pool.perform(get(server.url())).body == "ok" ? 1 : 0;
      });
    }
  }
  EXPECT_EQ(num_right, 100);
  EXPECT_LE(server.num_connections(), 4);
}

}  // namespace
}  // namespace rerank
