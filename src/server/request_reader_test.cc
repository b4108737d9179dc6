#include "server/request_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace rerank {
namespace {

using Progress = RequestReader::Progress;
using testing::HasSubstr;

constexpr std::size_t kMaxHeader = 1000;
constexpr std::size_t kMaxBody = 100;

// What it says of a request that comes all at once.
struct Reading {
  Progress progress;
  int status;
  std::string failure;
};

Reading read(const std::string& text) {
  RequestReader reader(kMaxHeader, kMaxBody);
  reader.feed(text);
  return {reader.progress(), reader.failure_status(), reader.failure()};
}

void expect_failure(const std::string& text, int status) {
  const Reading reading = read(text);
  EXPECT_EQ(reading.progress, Progress::kFailed) << text;
  EXPECT_EQ(reading.status, status) << text;
}

TEST(RequestReader, ReadsARequestByteByByte) {
  const std::string text =
      "POST /v1/rerank?x=%20 HTTP/1.1\r\nHost: here\r\nX-Request-Id: abc\r\nContent-Length: 5\r\n\r\nhello";
  RequestReader reader(kMaxHeader, kMaxBody);
  std::string pending;
  for (const char letter : text) {
    EXPECT_NE(reader.progress(), Progress::kDone);
    pending += letter;
    pending.erase(0, reader.feed(pending));
  }
  ASSERT_EQ(reader.progress(), Progress::kDone);
  EXPECT_TRUE(reader.keeps_alive());
  const HttpRequest request = reader.take();
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.target, "/v1/rerank?x=%20");
  EXPECT_EQ(request.header("x-request-id"), "abc");
  EXPECT_EQ(request.body, "hello");
}

TEST(RequestReader, LeavesTheNextRequestAlone) {
  const std::string first = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nok";
  RequestReader reader(kMaxHeader, kMaxBody);
  EXPECT_EQ(reader.feed(first + "GET /health HTTP/1.1\r\n\r\n"), first.size());
  EXPECT_EQ(reader.progress(), Progress::kDone);
}

TEST(RequestReader, ReadsAChunkedBody) {
  RequestReader reader(kMaxHeader, kMaxBody);
  reader.feed(
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
      "chunked\r\n\r\n3\r\nabc\r\n2;ext=1\r\nde\r\n0\r\nTrailer: "
      "x\r\n\r\n");
  ASSERT_EQ(reader.progress(), Progress::kDone);
  EXPECT_EQ(reader.take().body, "abcde");
}

TEST(RequestReader, KnowsWhoKeepsTheConnection) {
  RequestReader old(kMaxHeader, kMaxBody);
  old.feed("GET / HTTP/1.0\r\n\r\n");
  ASSERT_EQ(old.progress(), Progress::kDone);
  EXPECT_TRUE(old.is_http_1_0());
  EXPECT_FALSE(old.keeps_alive());
  RequestReader closing(kMaxHeader, kMaxBody);
  closing.feed("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  EXPECT_FALSE(closing.keeps_alive());
}

TEST(RequestReader, KnowsWhoWaitsForPermission) {
  RequestReader reader(kMaxHeader, kMaxBody);
  reader.feed("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 3\r\n\r\n");
  EXPECT_EQ(reader.progress(), Progress::kBody);
  EXPECT_TRUE(reader.expects_continue());
  EXPECT_EQ(reader.remaining_bytes(), 3U);
}

TEST(RequestReader, RefusesWhatIsTooLarge) {
  const std::string head = "POST / HTTP/1.1\r\nHost: a\r\n";
  expect_failure(head + "X-Long: " + std::string(2000, 'x') + "\r\n\r\n", 431);
  expect_failure(head + "X-Long: " + std::string(2000, 'x'), 431);
  expect_failure(head + "Content-Length: 101\r\n\r\n", 413);
  expect_failure(head + "Content-Length: 99999999999999999999999999\r\n\r\n", 400);
  expect_failure(head + "Transfer-Encoding: chunked\r\n\r\n65\r\n" + std::string(0x65, 'x') + "\r\n0\r\n\r\n",
                 413);
  EXPECT_EQ(read(head + "Content-Length: 100\r\n\r\n" + std::string(100, 'x')).progress, Progress::kDone);
}

TEST(RequestReader, RefusesWhatIsNoHttp) {
  for (const char* text : {"\x16\x03\x01\x02\x01\x01\x01\xfc\x03\x03 and so on\r\n\r\n", "GET /\r\n\r\n",
                           "GET / HTTP/2.0\r\n\r\n", "GET  / HTTP/1.1\r\n\r\n", "GE\x01T / HTTP/1.1\r\n\r\n",
                           "GET / HTTP/1.1\r\nNo colon\r\n\r\n", "GET / HTTP/1.1\r\n: no name\r\n\r\n",
                           "GET / HTTP/1.1\r\nA b: c\r\n\r\n", "GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
                           "GET / HTTP/1.1\r\nContent-Length: 1x\r\n\r\n"}) {
    expect_failure(text, 400);
  }
}

// Two ways to tell a body's end are how requests are smuggled past a proxy.
TEST(RequestReader, RefusesTwoLengths) {
  const std::string head = "POST / HTTP/1.1\r\nHost: a\r\n";
  expect_failure(head + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400);
  expect_failure(head + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400);
  expect_failure(head + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", 400);
}

TEST(RequestReader, SaysWhatIsWrong) {
  EXPECT_THAT(read("POST / HTTP/1.1\r\nContent-Length: 101\r\n\r\n").failure, HasSubstr("100 bytes"));
  EXPECT_THAT(read("hello\r\n\r\n").failure, HasSubstr("HTTP"));
}

}  // namespace
}  // namespace rerank
