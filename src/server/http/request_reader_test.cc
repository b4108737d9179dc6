#include "server/http/request_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace rerank {
namespace {

using Progress = RequestReader::Progress;
using testing::HasSubstr;

constexpr std::size_t kMaxHeader = 1000;
constexpr std::size_t kMaxBody = 100;

// The result for a request that arrives at once.
struct Reading {
  Progress progress;
  int status;
  std::string failure;
};

// Feeds `text` in pieces of `step` bytes, as a connection would; returns what is left.
std::string feed(RequestReader& reader, const std::string& text, std::size_t step) {
  std::string pending;
  for (std::size_t at = 0; at < text.size() || !pending.empty(); at += step) {
    if (at < text.size()) pending += text.substr(at, step);
    std::size_t consumed = 0;
    do {
      consumed = reader.feed(pending);
      pending.erase(0, consumed);
    } while (consumed > 0 && !pending.empty());
    if (reader.progress() >= Progress::kDone)
      return at + step < text.size() ? pending + text.substr(at + step) : pending;
    if (at >= text.size()) break;
  }
  return pending;
}

Reading read(const std::string& text, std::size_t step = 1 << 20) {
  RequestReader reader(kMaxHeader, kMaxBody);
  feed(reader, text, step);
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
  const std::string next = "GET /health HTTP/1.1\r\n\r\n";
  for (const std::string& first :
       {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nok" + next,
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n" + next,
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n" + next}) {
    for (const std::size_t step : {1, 7, 1000}) {
      RequestReader reader(kMaxHeader, kMaxBody);
      EXPECT_EQ(feed(reader, first, step), next);
      EXPECT_EQ(reader.progress(), Progress::kDone);
    }
  }
}

TEST(RequestReader, ReadsAChunkedBody) {
  RequestReader reader(kMaxHeader, kMaxBody);
  feed(reader,
       "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
       "Chunked\r\n\r\n3\r\nabc\r\n002 ; ext=1;b=\"; \"\r\nde\r\n0;e\r\nTrailer: "
       "x\r\nContent-Length: 3\r\n\r\n",
       1000);
  ASSERT_EQ(reader.progress(), Progress::kDone) << reader.failure();
  EXPECT_EQ(reader.remaining_bytes(), 0U);
  const HttpRequest request = reader.take();
  EXPECT_EQ(request.body, "abcde");
  EXPECT_EQ(request.header("Trailer"), "");  // no trailer becomes a header
  EXPECT_EQ(request.header("Content-Length"), "");
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
  expect_failure(head + "Transfer-Encoding: chunked\r\n\r\n65\r\n" + std::string(0x65, 'x') + "\r\n0\r\n\r\n",
                 413);
  expect_failure(head + "Transfer-Encoding: chunked\r\n\r\n64\r\n" + std::string(0x64, 'x') + "\r\n1\r\n",
                 413);
  EXPECT_EQ(read(head + "Content-Length: 100\r\n\r\n" + std::string(100, 'x')).progress, Progress::kDone);
}

TEST(RequestReader, BoundsEachPartOfAHead) {
  const auto of = [](const std::string& text) {
    RequestReader reader(64 << 10, kMaxBody);
    feed(reader, text, 1000);
    return reader.progress() == Progress::kFailed ? reader.failure_status() : 0;
  };
  const std::string end = " HTTP/1.1\r\nHost: a\r\n\r\n";
  EXPECT_EQ(of("GET /" + std::string(kMaxTargetBytes - 1, 'x') + end), 0);
  EXPECT_EQ(of("GET /" + std::string(kMaxTargetBytes, 'x') + end), 414);
  EXPECT_EQ(of("GET /" + std::string(2 * kMaxTargetBytes, 'x')), 414);  // without a line end
  EXPECT_EQ(of(std::string(kMaxMethodBytes + 1, 'X') + " /" + end), 501);
  std::string fields;
  for (std::size_t count = 1; count < kMaxFields; ++count) fields += "A: b\r\n";
  EXPECT_EQ(of("GET / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n"), 0);
  EXPECT_EQ(of("GET / HTTP/1.1\r\nHost: a\r\n" + fields + "A: b\r\n\r\n"), 431);
}

// Chunk extensions use no memory, and are limited.
TEST(RequestReader, BoundsWhatStandsBetweenChunks) {
  const std::string head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::string block(1000, 'a');
  for (const auto& [begin, status] :
       {std::pair{"5;", 400}, {"5;x=\"", 400}, {"5 ", 400}, {"0", 400}, {"0\r\nT: ", 431}, {"0\r\nT", 431}}) {
    RequestReader reader(kMaxHeader, kMaxBody);
    feed(reader, head + begin, 1000);
    std::string filler = block;
    if (std::string(begin) == "5 ") filler = std::string(1000, ' ');
    if (std::string(begin) == "0") filler = std::string(1000, '0');
    for (int round = 0; round < 10 && reader.progress() == Progress::kBody; ++round) {
      const std::size_t consumed = reader.feed(filler);
      // Everything is consumed.
      const bool is_taken = consumed == filler.size() || reader.progress() == Progress::kFailed;
      EXPECT_TRUE(is_taken) << begin;
    }
    EXPECT_EQ(reader.failure_status(), status) << begin;
  }
  // Many trailers, each small.
  std::string trailers;
  for (int count = 0; count < 1000; ++count) trailers += "T: x\r\n";
  expect_failure(head + "0\r\n" + trailers + "\r\n", 431);
}

TEST(RequestReader, ChargesWhatItHoldsBefore) {
  MemoryBudget budget(100'000);
  const std::string head = "POST / HTTP/1.1\r\nHost: a\r\n";
  {
    RequestReader reader(kMaxHeader, 1 << 20, MemoryCharge(budget));
    feed(reader, head + "Transfer-Encoding: chunked\r\n\r\n10000\r\n" + std::string(0x10000, 'x'), 4096);
    EXPECT_GE(budget.used_bytes(), 0x10000);
    EXPECT_LE(budget.used_bytes(), 2 * 0x10000);
    RequestReader second(kMaxHeader, 1 << 20, MemoryCharge(budget));
    feed(second, head + "Content-Length: 70000\r\n\r\n" + std::string(70'000, 'x'), 4096);
    EXPECT_EQ(second.failure_status(), 429);
  }
  EXPECT_EQ(budget.used_bytes(), 0);
  // A request that can never fit gets 413 rather than 429.
  RequestReader promised(kMaxHeader, 1 << 20, MemoryCharge(budget));
  feed(promised, head + "Content-Length: 200000\r\n\r\n", 4096);
  EXPECT_EQ(promised.failure_status(), 413);
  {
    RequestReader chunked(kMaxHeader, 1 << 20, MemoryCharge(budget));
    feed(chunked, head + "Transfer-Encoding: chunked\r\n\r\n30000\r\n" + std::string(0x30000, 'x'), 4096);
    EXPECT_EQ(chunked.failure_status(), 413);
  }
  // Nor do discarded bodies count.
  RequestReader discarding(kMaxHeader, 1 << 20, MemoryCharge(budget));
  discarding.discard_body();
  feed(discarding, head + "Content-Length: 90000\r\n\r\n" + std::string(80'000, 'x'), 4096);
  EXPECT_EQ(budget.used_bytes(), 0);
  EXPECT_EQ(discarding.remaining_bytes(), 10'000U);
}

TEST(RequestReader, TakesNoBodyWhereNoneHasAMeaning) {
  for (const std::string method : {"GET", "HEAD", "OPTIONS"}) {
    const std::string head = method + " / HTTP/1.1\r\nHost: a\r\n";
    expect_failure(head + "Content-Length: 1\r\n\r\n", 413);
    expect_failure(head + "Transfer-Encoding: chunked\r\n\r\n1\r\n", 413);
    EXPECT_EQ(read(head + "Content-Length: 0\r\n\r\n").progress, Progress::kDone);
    EXPECT_EQ(read(head + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n").progress, Progress::kDone);
  }
}

TEST(RequestReader, SaysWhatIsWrong) {
  EXPECT_THAT(read("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 101\r\n\r\n").failure,
              HasSubstr("100 bytes"));
  EXPECT_THAT(read("hello\r\n\r\n").failure, HasSubstr("HTTP"));
}

TEST(RequestReader, TellsWhoAskedForWhatWhereItCan) {
  RequestReader reader(kMaxHeader, kMaxBody);
  reader.set_origin("1.2.3.4:5", {});
  feed(reader, "POST /a HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", 1000);
  EXPECT_EQ(reader.progress(), Progress::kFailed);
  EXPECT_EQ(reader.head().method, "POST");
  EXPECT_EQ(reader.head().target, "/a");
  EXPECT_EQ(reader.head().peer, "1.2.3.4:5");
}

}  // namespace
}  // namespace rerank
