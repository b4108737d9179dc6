// Limits of a connection, and that errors on one do not affect others.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>

#include "tests/support/http_front_fixture.h"

namespace rerank {
namespace {

using std::chrono::milliseconds;
using testing::AnyOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// Methods without a body are refused before the body could use memory.
TEST_F(HttpFrontTest, TakesNoBodyOfAGet) {
  start();
  Client client(front_->port());
  client.send("GET /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n");
  const std::string reply = client.receive();
  EXPECT_THAT(reply, StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(reply, HasSubstr("connection: close"));
}

// An unused small body is discarded, and the connection is kept.
TEST_F(HttpFrontTest, KeepsAConnectionWhoseSmallRequestIsRefused) {
  start();
  Client client(front_->port());
  for (int round = 0; round < 2; ++round) {
    client.send("POST /refused HTTP/1.1\r\nHost: x\r\nContent-Length: 50000\r\n\r\n");
    client.send(std::string(50'000, 'x'));
    const std::string reply = client.receive();
    EXPECT_THAT(reply, StartsWith("HTTP/1.1 401 "));
    EXPECT_THAT(reply, Not(HasSubstr("connection: close")));
  }
  client.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(body_of(client.receive()), "GET /a ");
}

TEST_F(HttpFrontTest, LetsSmallRequestsPassWhileLargeOnesFillTheBudget) {
  budget_ = std::make_unique<MemoryBudget>(std::size_t{1} << 20);
  start();
  MemoryCharge others(*budget_);
  ASSERT_TRUE(others.resize(std::size_t{1} << 20));
  Client large(front_->port());
  large.send("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n" + std::string(100'000, 'x'));
  EXPECT_THAT(large.receive(), StartsWith("HTTP/1.1 429 "));
  Client small(front_->port());
  small.send("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2000\r\n\r\n" + std::string(2000, 'x'));
  EXPECT_THAT(small.receive(), StartsWith("HTTP/1.1 200 "));
}

// Framing between chunks uses no memory, however long.
TEST_F(HttpFrontTest, BoundsWhatStandsBetweenChunks) {
  start();
  const std::string head = "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (const std::string& begin : {std::string("5;a="), std::string("0\r\nTrailer: ")}) {
    Client client(front_->port());
    client.send(head + begin + std::string(8'000'000, 'a'));
    EXPECT_THAT(client.receive(), AnyOf(StartsWith("HTTP/1.1 400 "), StartsWith("HTTP/1.1 431 ")));
    EXPECT_LT(budget_->used_bytes(), 100'000);
  }
}

// An incomplete head counts too.
TEST_F(HttpFrontTest, CountsWhatIsNotTakenYet) {
  start();
  Client client(front_->port());
  client.send("GET /a HTTP/1.1\r\nHost: x\r\nX: " + std::string(20'000, 'x'));
  while (counters_.received_bytes < 20'000) std::this_thread::sleep_for(milliseconds(1));
  EXPECT_GE(budget_->used_bytes(), 20'000 - 1024);
}

// A client that half-closes the connection after its request.
TEST_F(HttpFrontTest, ClosesWhoEndedWhileItWasAnswered) {
  start();
  for (int round = 0; round < 100; ++round) {
    Client client(front_->port());
    client.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
    client.end_sending();
    EXPECT_EQ(body_of(client.receive()), "GET /a ");
    EXPECT_TRUE(client.is_closed());
  }
}

TEST_F(HttpFrontTest, EndsTheConnectionOfAHandlerThatThrows) {
  start();
  {
    Client client(front_->port());
    client.send("GET /throws HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(client.receive(), "");
    Client later(front_->port());
    later.send("GET /throws/later HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(later.receive(), "");
  }
  Client other(front_->port());
  other.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(body_of(other.receive()), "GET /a ");
}

// Such as the charge for the reply.
TEST_F(HttpFrontTest, HoldsWhatAReplyHoldsUntilItIsWritten) {
  start();
  Client client(front_->port());
  client.send("GET /charged HTTP/1.1\r\nHost: x\r\n\r\n");
  const auto held = handler_.wait_for_charged();
  EXPECT_FALSE(held.expired());  // far more than the kernel buffers
  client.receive();
  while (!held.expired()) std::this_thread::sleep_for(milliseconds(1));
}

}  // namespace
}  // namespace rerank
