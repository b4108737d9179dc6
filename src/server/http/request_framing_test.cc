// RFC 9112, case by case: framing has one interpretation or is refused, however the bytes are split.
// Ambiguous framing is how requests are smuggled past a proxy.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "server/http/request_reader.h"

namespace rerank {
namespace {

using Progress = RequestReader::Progress;

// The status of the refusal; 0 for a complete request, -1 for an incomplete one.
int status_of(const std::string& text, std::size_t step, std::string* body = nullptr,
              HttpRequest* request = nullptr) {
  RequestReader reader(10'000, 10'000);
  std::string pending;
  for (std::size_t at = 0; at < text.size(); at += step) {
    pending += text.substr(at, step);
    std::size_t consumed = 0;
    do {
      consumed = reader.feed(pending);
      pending.erase(0, consumed);
    } while (consumed > 0 && !pending.empty());
    if (reader.progress() == Progress::kFailed) return reader.failure_status();
    if (reader.progress() == Progress::kDone) {
      HttpRequest taken = reader.take();
      if (body != nullptr) *body = taken.body;
      if (request != nullptr) *request = std::move(taken);
      return 0;
    }
  }
  return -1;
}

struct Case {
  std::string text;
  int status;
};

void expect_all(const std::vector<Case>& cases) {
  for (const Case& one : cases) {
    for (const std::size_t step : {1, 2, 3, 5, 1000}) {
      EXPECT_EQ(status_of(one.text, step), one.status) << testing::PrintToString(one.text) << " by " << step;
    }
  }
}

const std::string kEnd = "\r\n\r\n";

TEST(RequestFraming, FirstLine) {
  const std::string host = "\r\nHost: a" + kEnd;
  expect_all({
      {"GET / HTTP/1.1" + host, 0},
      {"GET / HTTP/1.0" + kEnd, 0},
      {"get / HTTP/1.1" + host, 0},  // another method, which no route has
      {"GET /?a=b HTTP/1.1" + host, 0},
      {"GET  / HTTP/1.1" + host, 400},
      {"GET /  HTTP/1.1" + host, 400},
      {"GET / HTTP/1.1 " + host, 400},
      {"GET\t/ HTTP/1.1" + host, 400},
      {"GET / HTTP/1.1\r" + host, 400},
      {" GET / HTTP/1.1" + host, 400},
      {"\tGET / HTTP/1.1" + host, 400},
      {"GET /" + host, 400},
      {"GET" + host, 400},
      {"GET / HTTP/1.1\nHost: a\r\n\r\n", 400},
      {"GET / HTTP/1.1\rHost: a\r\n\r\n", 400},
      {"GET / HTTP/1.2" + host, 505},
      {"GET / HTTP/2.0" + host, 505},
      {"PRI * HTTP/2.0" + kEnd, 400},
      {"GET / HTTP/1.10" + host, 400},
      {"GET / HTTP/11" + host, 400},
      {"GET / http/1.1" + host, 400},
      {"GET / HTTP/ 1.1" + host, 400},
      {"GET /a b HTTP/1.1" + host, 400},
      {std::string("GET /\0 HTTP/1.1", 15) + host, 400},
      {"GET /\x7f HTTP/1.1" + host, 400},
      {"GET /a\rb HTTP/1.1" + host, 400},
      {"G\x01T / HTTP/1.1" + host, 400},
      {"G(T / HTTP/1.1" + host, 400},
      {"\x16\x03\x01\x02\x01\x01\x01\xfc\x03\x03",
       400},  // the start of TLS: refused before the end of a line
      {"\n", 400},
  });
}

TEST(RequestFraming, Targets) {
  const auto target_of = [](const std::string& target, const std::string& method) {
    HttpRequest request;
    const int status =
        status_of(method + " " + target + " HTTP/1.1\r\nHost: a" + kEnd, 1000, nullptr, &request);
    return status == 0 ? request.target : std::to_string(status);
  };
  EXPECT_EQ(target_of("http://a.example:8000/v1/rerank?x=1", "POST"), "/v1/rerank?x=1");
  EXPECT_EQ(target_of("HTTPS://[::1]:8000/v1", "POST"), "/v1");
  EXPECT_EQ(target_of("http://a.example", "GET"), "/");
  EXPECT_EQ(target_of("http://a.example?x", "GET"), "/?x");
  EXPECT_EQ(target_of("*", "OPTIONS"), "*");
  EXPECT_EQ(target_of("//a//b", "GET"), "//a//b");
  for (const char* target : {"*", "v1/rerank", "a.example:443", "http:///v1", "http://:80/",
                             "http://user@host/", "ftp://a.example/", "http://a b/", "http://a\\b/", "?x"}) {
    EXPECT_EQ(target_of(target, "GET"), "400") << target;
  }
}

TEST(RequestFraming, Host) {
  const auto with = [](const std::string& fields) { return "GET / HTTP/1.1\r\n" + fields + "\r\n"; };
  expect_all({
      {with("Host: a.example\r\n"), 0},
      {with("hOST:a.example:8000\r\n"), 0},
      {with("Host: [::1]:8000\r\n"), 0},
      {with("Host: 127.0.0.1\r\n"), 0},
      {with("Host: a_b-c.example\r\n"), 0},
      {with("Host: \r\n"), 0},
      {with(""), 400},
      {with("Host: a\r\nHost: a\r\n"), 400},
      {with("Host: a\r\nhost: b\r\n"), 400},
      {with("Host: a, b\r\n"), 400},
      {with("Host: a b\r\n"), 400},
      {with("Host: a/b\r\n"), 400},
      {with("Host: user@a\r\n"), 400},
      {with("Host: http://a\r\n"), 400},
      {with("Host: a:port\r\n"), 400},
      {with("Host: a:1:2\r\n"), 400},
      {with("Host: a:1234567\r\n"), 400},
      {with("Host: [::1\r\n"), 400},
      {with("Host: [::1]x\r\n"), 400},
      {with("Host: \xc3\xa4.example\r\n"), 400},
      {"GET / HTTP/1.0\r\n\r\n", 0},
      {"GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", 400},
      {"GET / HTTP/1.0\r\nHost: a b\r\n\r\n", 400},
      {"GET http://a/ HTTP/1.1\r\n\r\n", 400},
      {"GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n", 0},
  });
}

TEST(RequestFraming, Fields) {
  const auto with = [](const std::string& fields) {
    return "GET / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n";
  };
  expect_all({
      {with("A: b\r\n"), 0},
      {with("A:b\r\n"), 0},
      {with("A: \t b \t \r\n"), 0},
      {with("A:\r\n"), 0},
      {with("A: b\xc3\xa4\r\n"), 0},
      {with("!#$%&'*+-.^_`|~09: b\r\n"), 0},
      {with("A : b\r\n"), 400},
      {with("A\t: b\r\n"), 400},
      {with("A b: c\r\n"), 400},
      {with("A\r\n"), 400},
      {with(": b\r\n"), 400},
      {with("A(: b\r\n"), 400},
      {with("A\x01: b\r\n"), 400},
      {with("\xc3\xa4: b\r\n"), 400},
      {with("A: b\r\n c\r\n"), 400},
      {with("A: b\r\n\tc\r\n"), 400},
      {with("A: b\r\n \r\n"), 400},
      {with("A:\r\n b\r\n"), 400},
      {"GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400},
      {with("A: b\nC: d\r\n"), 400},
      {with("A: b\n\r\n"), 400},
      {with("A: b\rC: d\r\n"), 400},
      {with("A: b\r\r\n"), 400},
      {with(std::string("A: b\0c\r\n", 8)), 400},
      {with("A: b\x7f\r\n"), 400},
      {with("A: b\x0b\r\n"), 400},
      {"GET / HTTP/1.1\r\nHost: a\r\n\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\n\rGET", -1},  // a CR whose line has no end yet
  });
}

TEST(RequestFraming, Lengths) {
  const auto with = [](const std::string& fields) {
    return "POST / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\nabc";
  };
  expect_all({
      {with("Content-Length: 3\r\n"), 0},
      {with("content-length:3\r\n"), 0},
      {with("Content-Length: 003\r\n"), 0},
      {with("Content-Length: \t3 \r\n"), 0},
      {with("Content-Length: 0\r\n"), 0},
      {with(""), 0},
      {with("Content-Length: 4\r\n"), -1},
      {with("Content-Length: -1\r\n"), 400},
      {with("Content-Length: +3\r\n"), 400},
      {with("Content-Length: 0x3\r\n"), 400},
      {with("Content-Length: 3a\r\n"), 400},
      {with("Content-Length: a\r\n"), 400},
      {with("Content-Length: 3.0\r\n"), 400},
      {with("Content-Length: 3e0\r\n"), 400},
      {with("Content-Length: 3 3\r\n"), 400},
      {with("Content-Length: \"3\"\r\n"), 400},
      {with("Content-Length:\r\n"), 400},
      {with("Content-Length: 3, 3\r\n"), 400},
      {with("Content-Length: 3,3\r\n"), 400},
      {with("Content-Length: 3, 4\r\n"), 400},
      {with("Content-Length: 3,\r\n"), 400},
      {with("Content-Length: ,3\r\n"), 400},
      {with("Content-Length: 3\r\nContent-Length: 3\r\n"), 400},
      {with("Content-Length: 3\r\nContent-Length: 4\r\n"), 400},
      {with("Content-Length: 3\r\ncontent-length: 0\r\n"), 400},
      {with("Content-Length : 3\r\n"), 400},
      {with("Content-Length: 18446744073709551615\r\n"), 413},
      {with("Content-Length: 18446744073709551616\r\n"), 400},
      {with("Content-Length: 18446744073709551619\r\n"), 400},  // 3 in 64 bits
      {with("Content-Length: 99999999999999999999999999\r\n"), 400},
      {with("Content_Length: 3\r\n"), 0},  // another name, and no body
  });
}

TEST(RequestFraming, TransferEncodings) {
  const std::string body = "3\r\nabc\r\n0\r\n\r\n";
  const auto with = [&](const std::string& fields) {
    return "POST / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n" + body;
  };
  expect_all({
      {with("Transfer-Encoding: chunked\r\n"), 0},
      {with("transfer-encoding:CHUNKED \r\n"), 0},
      {with("Transfer-Encoding: identity\r\n"), 501},
      {with("Transfer-Encoding: gzip\r\n"), 501},
      {with("Transfer-Encoding: gzip, chunked\r\n"), 501},
      {with("Transfer-Encoding: chunked, identity\r\n"), 501},
      {with("Transfer-Encoding: chunked, chunked\r\n"), 501},
      {with("Transfer-Encoding: chunked chunked\r\n"), 501},
      {with("Transfer-Encoding: chunked,\r\n"), 501},
      {with("Transfer-Encoding: ,chunked\r\n"), 501},
      {with("Transfer-Encoding: chunked;q=1\r\n"), 501},
      {with("Transfer-Encoding: xchunked\r\n"), 501},
      {with("Transfer-Encoding: \"chunked\"\r\n"), 501},
      {with("Transfer-Encoding:\r\n"), 501},
      {with("Transfer-Encoding: \x0b"
            "chunked\r\n"),
       400},
      {with("Transfer-Encoding : chunked\r\n"), 400},
      {with("Transfer-Encoding:\r\n chunked\r\n"), 400},
      {with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 400},
      {with("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"), 400},
      {with("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n"), 400},
      {with("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n"), 400},
      {with("Content-Length: 0\r\nTransfer-Encoding: chunked\r\n"), 400},
      {with("Content-Length: 3\r\nTransfer-Encoding: identity\r\n"), 400},
      {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n" + body, 400},
      {"POST / HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: identity\r\n\r\n" + body, 400},
  });
}

TEST(RequestFraming, Chunks) {
  const auto body = [](const std::string& text) {
    return "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + text;
  };
  expect_all({
      {body("3\r\nabc\r\n0\r\n\r\n"), 0},
      {body("a\r\n0123456789\r\n00000\r\n\r\n"), 0},
      {body("0A\r\n0123456789\r\n0\r\n\r\n"), 0},
      {body("0\r\n\r\n"), 0},
      {body("3;a\r\nabc\r\n0;b=c\r\n\r\n"), 0},
      {body("3 ;a=\"b;c\"\r\nabc\r\n0\r\n\r\n"), 0},
      {body("3\r\nabc\r\n0\r\nA: b\r\nC: d\r\n\r\n"), 0},
      {body("3\r\nabc\r\n0\r\n"), -1},
      {body("3\r\nabc\r\n0\r\n\r"), -1},
      {body("3\r\nabc\r\n"), -1},
      {body("3\r\nab"), -1},
      {body("3\r\nabcd\r\n0\r\n\r\n"), 400},
      {body("3\r\nab\r\n0\r\n\r\n"), 400},
      {body("3\r\nabc0\r\n\r\n"), 400},
      {body("3\r\nabc\n0\r\n\r\n"), 400},
      {body("3\r\nabc\r0\r\n\r\n"), 400},
      {body("3\nabc\r\n0\r\n\r\n"), 400},
      {body("3\rabc\r\n0\r\n\r\n"), 400},
      {body("\r\n3\r\nabc\r\n0\r\n\r\n"), 400},
      {body(" 3\r\nabc\r\n0\r\n\r\n"), 400},
      {body("3 \r\nabc\r\n0\r\n\r\n"), 400},
      {body("3\t\r\nabc\r\n0\r\n\r\n"), 400},
      {body("0x3\r\nabc\r\n0\r\n\r\n"), 400},
      {body("+3\r\nabc\r\n0\r\n\r\n"), 400},
      {body("-3\r\nabc\r\n0\r\n\r\n"), 400},
      {body("3,3\r\nabc\r\n0\r\n\r\n"), 400},
      {body("g\r\n"), 400},
      {body(";a\r\n"), 400},
      {body("3 a\r\nabc\r\n0\r\n\r\n"), 400},
      {body("3;a\nabc\r\n0\r\n\r\n"), 400},
      {body("3;a=\"\n\"\r\nabc\r\n0\r\n\r\n"), 400},
      {body("3;a=\"\r\n\"\r\nabc\r\n0\r\n\r\n"), 400},
      {body("3;a\rb\r\nabc\r\n0\r\n\r\n"), 400},
      {body(std::string("3;a\0\r\nabc\r\n0\r\n\r\n", 16)), 400},
      {body("ffffffffffffffff\r\n"), 413},
      {body("10000000000000003\r\nabc\r\n0\r\n\r\n"), 400},  // 3 in 64 bits
      {body("ffffffffffffffff3\r\nabc\r\n0\r\n\r\n"), 400},
      {body("0\r\nabc\r\n\r\n"), 400},
      {body("0\r\nA : b\r\n\r\n"), 400},
      {body("0\r\n A: b\r\n\r\n"), 400},
      {body("0\r\nA: b\n\r\n"), 400},
      {body("0\r\nA: b\r\n c\r\n\r\n"), 400},
      {body("0\r\n: b\r\n\r\n"), 400},
      {body("0\r\nA: b\r\r\n\r\n"), 400},
      {body("0\r\n\n"), 400},
      {body("0\n\n"), 400},
      {body("0\r\n\rX"), 400},
  });
}

TEST(RequestFraming, Persistence) {
  const auto keeps = [](const std::string& text) {
    RequestReader reader(1000, 1000);
    reader.feed(text);
    EXPECT_EQ(reader.progress(), Progress::kDone) << reader.failure();
    return reader.keeps_alive();
  };
  const std::string head = "GET / HTTP/1.1\r\nHost: a\r\n";
  EXPECT_TRUE(keeps(head + "\r\n"));
  EXPECT_FALSE(keeps(head + "Connection: close\r\n\r\n"));
  EXPECT_FALSE(keeps(head + "Connection: x, CLOSE , y\r\n\r\n"));
  EXPECT_FALSE(keeps(head + "Connection: keep-alive\r\nConnection: close\r\n\r\n"));
  EXPECT_TRUE(keeps(head + "Connection: closed\r\n\r\n"));
  EXPECT_TRUE(keeps(head + "Connection: ,,\r\n\r\n"));
  EXPECT_FALSE(keeps("GET / HTTP/1.0\r\n\r\n"));
  EXPECT_TRUE(keeps("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"));
  EXPECT_FALSE(keeps("GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n"));
}

}  // namespace
}  // namespace rerank
