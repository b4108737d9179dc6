// The front over TLS: closing, resumption, and clients without TLS.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>

#include "server/http/http_front.h"
#include "tests/support/echo_handler.h"
#include "tests/support/tls_client.h"

namespace rerank {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::StartsWith;

class TlsFrontTest : public testing::TestWithParam<int> {
 protected:
  void start(ListenOptions options = {}) {
    options.host = "127.0.0.1";
    options.port = 0;
    options.num_threads = 2;
    options.tls_certificate_file = certificate_.path();
    front_ = std::make_unique<HttpFront>(options, handler_, counters_, budget_);
    front_->start();
  }
  void TearDown() override {
    handler_.release();
    if (front_ != nullptr) front_->wait_until_idle(kLongEnough);
    front_.reset();
    EXPECT_EQ(counters_.num_connections, 0);
    EXPECT_EQ(counters_.num_busy, 0);
    EXPECT_EQ(budget_.used_bytes(), 0);
  }
  TlsClient::Options with_version() const { return {.version = GetParam()}; }
  void wait_until_closed() const {
    const auto deadline = std::chrono::steady_clock::now() + kLongEnough;
    while (counters_.num_connections > 0 && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::sleep_for(milliseconds(1));
    }
    EXPECT_EQ(counters_.num_connections, 0);
  }
  // The reply to `request` closes its connection, after which others are opened.
  void expect_last_reply(const std::string& request, const std::string& reply) {
    for (int round = 0; round < 10; ++round) {
      TlsClient client(front_->port(), with_version());
      client.send(request);
      EXPECT_THAT(client.receive(), StartsWith(reply)) << request;
      EXPECT_TRUE(client.is_closed()) << request;
    }
    wait_until_closed();
  }

  TestCertificate certificate_;
  EchoHandler handler_;
  FrontCounters counters_;
  MemoryBudget budget_{std::size_t{1} << 30};
  std::unique_ptr<HttpFront> front_;
};

TEST_P(TlsFrontTest, KeepsAConnection) {
  start();
  TlsClient client(front_->port(), with_version());
  for (int round = 0; round < 3; ++round) {
    const std::string body(100'000, 'x');
    client.send("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n" + body);
    EXPECT_THAT(client.receive(), HasSubstr(body));
  }
}

TEST_P(TlsFrontTest, EndsAConnectionThatIsAskedToClose) {
  start();
  expect_last_reply("GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "HTTP/1.1 200 ");
  expect_last_reply("GET /a HTTP/1.0\r\n\r\n", "HTTP/1.1 200 ");
}

TEST_P(TlsFrontTest, EndsAConnectionAfterWhatIsNoRequest) {
  start();
  expect_last_reply("nonsense\r\n\r\n", "HTTP/1.1 400 ");
}

TEST_P(TlsFrontTest, EndsAConnectionWhoseBodyIsNotRead) {
  start();
  expect_last_reply(
      "POST /refused HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\n\r\n" + std::string(3'000'000, 'x'),
      "HTTP/1.1 401 ");
}

TEST_P(TlsFrontTest, EndsAConnectionThatIsTooSlow) {
  ListenOptions options;
  options.body_timeout = milliseconds(20);
  start(options);
  expect_last_reply("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc", "HTTP/1.1 408 ");
}

TEST_P(TlsFrontTest, Drains) {
  start();
  TlsClient accepted(front_->port(), with_version());
  accepted.send("GET /held HTTP/1.1\r\nHost: x\r\n\r\n");
  handler_.wait_for_held(1);
  front_->begin_drain();
  handler_.release();
  EXPECT_THAT(accepted.receive(), HasSubstr("connection: close"));
  EXPECT_TRUE(accepted.is_closed());
  EXPECT_TRUE(front_->wait_until_idle(kLongEnough));
}

// A client that never acknowledges the close is dropped after two seconds.
TEST_P(TlsFrontTest, DoesNotWaitForAClientsLastWord) {
  start();
  TlsClient client(front_->port(), with_version());
  client.send("GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  client.receive();
  wait_until_closed();
}

TEST_P(TlsFrontTest, LeavesWithoutAWord) {
  start();
  for (int round = 0; round < 20; ++round) {
    TlsClient client(front_->port(), with_version());
    client.send("GET /held HTTP/1.1\r\nHost: x\r\n\r\n");
    if (round % 2 == 0) continue;
    handler_.wait_for_held(1);
    handler_.release();
  }
  wait_until_closed();
}

TEST_P(TlsFrontTest, ResumesASession) {
  for (const bool asks_for_certificates : {false, true}) {
    ListenOptions options;
    if (asks_for_certificates) options.tls_ca_file = certificate_.path();
    start(options);
    TlsClient::Options client = with_version();
    client.certificate = &certificate_;
    for (int round = 0; round < 3; ++round) {
      TlsClient again(front_->port(), client);
      ASSERT_TRUE(again.is_secure());
      EXPECT_EQ(again.is_resumed(), round > 0);
      again.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
      EXPECT_THAT(again.receive(), StartsWith("HTTP/1.1 200 "));
      client.session = again.session();
    }
  }
}

TEST_P(TlsFrontTest, RefusesWhoShowsNoCertificate) {
  ListenOptions options;
  options.tls_ca_file = certificate_.path();
  start(options);
  TlsClient stranger(front_->port(), with_version());
  stranger.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(stranger.receive(), "");
  wait_until_closed();
}

TEST_P(TlsFrontTest, TellsAClientWithoutTls) {
  start();
  Client plain(front_->port());
  plain.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
  const std::string reply = plain.receive();
  EXPECT_THAT(reply, StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(reply, HasSubstr("https://"));
  EXPECT_TRUE(plain.is_closed());
}

TEST_P(TlsFrontTest, ClosesOnNonsense) {
  start();
  for (const std::string& bytes :
       {std::string("\0\1\2\3\4\5\6\7", 8), std::string("\x16\x03\x01\x02", 4), std::string()}) {
    Client plain(front_->port());
    plain.send(bytes);
    plain.end_sending();
    plain.receive();
  }
  wait_until_closed();
}

INSTANTIATE_TEST_SUITE_P(Versions, TlsFrontTest, testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         [](const auto& version) { return version.param == TLS1_2_VERSION ? "1_2" : "1_3"; });

}  // namespace
}  // namespace rerank
