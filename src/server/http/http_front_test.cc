// The front over loopback, with a handler that replies on command.
#include "server/http/http_front.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "rerank/error.h"
#include "tests/support/http_front_fixture.h"

namespace rerank {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

TEST_F(HttpFrontTest, AnswersOneRequestAfterTheOther) {
  start();
  Client client(front_->port());
  for (int round = 0; round < 3; ++round) {
    client.send("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc");
    const std::string reply = client.receive();
    EXPECT_THAT(reply, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_EQ(body_of(reply), "POST /a abc");
    EXPECT_THAT(reply, Not(HasSubstr("connection: close")));
  }
}

TEST_F(HttpFrontTest, AnswersPipelinedRequestsInOrder) {
  start();
  Client client(front_->port());
  std::string requests;
  for (int index = 0; index < 50; ++index) {
    requests += "GET /" + std::string(index % 3 == 0 ? "held" : "") + std::to_string(index) +
                " HTTP/1.1\r\nHost: x\r\n\r\n";
  }
  client.send(requests);
  for (int index = 0; index < 50; ++index) {
    if (index % 3 == 0) {
      handler_.wait_for_held(1);
      handler_.release();
    }
    EXPECT_THAT(body_of(client.receive()), HasSubstr(std::to_string(index)));
  }
}

// On the connection's thread and on another one, in turn.
TEST_F(HttpFrontTest, AnswersFromAnyThread) {
  start();
  {
    Client client(front_->port());
    client.send(
        "GET /posted/1 HTTP/1.1\r\nHost: x\r\n\r\nGET /now HTTP/1.1\r\nHost: x\r\n\r\nGET /held "
        "HTTP/1.1\r\nHost: x\r\n\r\n");
    client.send("GET /posted/2 HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_THAT(client.receive(), HasSubstr("GET /posted/1 "));
    EXPECT_THAT(client.receive(), HasSubstr("GET /now "));
    handler_.wait_for_held(1);
    handler_.release();
    EXPECT_THAT(client.receive(), HasSubstr("GET /held "));
    EXPECT_THAT(client.receive(), HasSubstr("GET /posted/2 "));
  }
  front_.reset();
  EXPECT_EQ(handler_.num_cancelled(), 0);
}

TEST_F(HttpFrontTest, SkipsEmptyLinesBetweenRequests) {
  start();
  Client client(front_->port());
  client.send("\r\nGET /1 HTTP/1.1\r\nHost: x\r\n\r\n\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(body_of(client.receive()), "GET /1 ");
  EXPECT_EQ(body_of(client.receive()), "GET /2 ");
}

TEST_F(HttpFrontTest, AnswersAHeadWithoutBody) {
  start();
  Client client(front_->port());
  client.send("HEAD /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nConnection: close\r\n\r\n");
  std::string replies = client.receive();
  replies += client.receive();
  EXPECT_THAT(replies, HasSubstr("content-length: 8\r\n"));
  EXPECT_THAT(replies, Not(HasSubstr("HEAD /a")));
  EXPECT_TRUE(client.is_closed());
}

TEST_F(HttpFrontTest, TellsAClientToGoOn) {
  start();
  Client client(front_->port());
  client.send("POST /a HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_EQ(client.receive(), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("ok");
  EXPECT_EQ(body_of(client.receive()), "POST /a ok");
}

TEST_F(HttpFrontTest, RefusesBeforeTheBodyComes) {
  start();
  Client client(front_->port());
  client.send("POST /refused HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_THAT(client.receive(), StartsWith("HTTP/1.1 401 "));
  EXPECT_TRUE(client.is_closed());
  // Large and sent without waiting: it is discarded, and the reply still arrives.
  Client large(front_->port());
  large.send("POST /refused HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\n\r\n" +
             std::string(3'000'000, 'x'));
  EXPECT_THAT(large.receive(), StartsWith("HTTP/1.1 401 "));
}

TEST_F(HttpFrontTest, RefusesWhatIsTooLarge) {
  ListenOptions options;
  options.max_body_bytes = 1000;
  start(options);
  Client client(front_->port());
  client.send("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n" + std::string(1001, 'x'));
  const std::string reply = client.receive();
  EXPECT_THAT(reply, StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(reply, HasSubstr("connection: close"));
  Client headers(front_->port());
  headers.send("GET / HTTP/1.1\r\nHost: x\r\nX: " + std::string(100'000, 'x') + "\r\n\r\n");
  EXPECT_THAT(headers.receive(), StartsWith("HTTP/1.1 431 "));
}

TEST_F(HttpFrontTest, RefusesBodiesThatTogetherAreTooLarge) {
  budget_ = std::make_unique<MemoryBudget>(100'000);
  start();
  Client first(front_->port());
  first.send("POST /held HTTP/1.1\r\nHost: x\r\nContent-Length: 80000\r\n\r\n" + std::string(80'000, 'x'));
  handler_.wait_for_held(1);
  Client second(front_->port());
  second.send("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 80000\r\n\r\n" + std::string(80'000, 'x'));
  EXPECT_THAT(second.receive(), StartsWith("HTTP/1.1 429 "));
  handler_.release();
  EXPECT_THAT(first.receive(), StartsWith("HTTP/1.1 200 "));
}

TEST_F(HttpFrontTest, NoticesThatAClientIsGone) {
  start();
  {
    Client client(front_->port());
    client.send("GET /held HTTP/1.1\r\nHost: x\r\n\r\n");
    handler_.wait_for_held(1);
  }
  handler_.wait_for_cancelled(1);
}

TEST_F(HttpFrontTest, ClosesWhoIsSilent) {
  ListenOptions options;
  options.header_timeout = milliseconds(50);
  options.body_timeout = milliseconds(50);
  start(options);
  Client slow_header(front_->port());
  slow_header.send("GET / HT");
  Client slow_body(front_->port());
  slow_body.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc");
  EXPECT_THAT(slow_header.receive(), StartsWith("HTTP/1.1 408 "));
  EXPECT_THAT(slow_body.receive(), StartsWith("HTTP/1.1 408 "));
  // Without a request within it, a connection is closed without a reply.
  options.idle_timeout = milliseconds(50);
  start(options);
  EXPECT_TRUE(Client(front_->port()).is_closed());
}

TEST_F(HttpFrontTest, ClosesWhoDoesNotTakeTheReply) {
  ListenOptions options;
  options.write_timeout = milliseconds(50);
  start(options);
  Client client(front_->port());
  const std::size_t size = std::size_t{30} << 20;  // more than the kernel buffers
  client.send("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n" +
              std::string(size, 'x'));
  while (counters_.num_busy > 0 || counters_.num_connections > 0)
    std::this_thread::sleep_for(milliseconds(1));
  EXPECT_LT(client.receive().size(), size);
}

TEST_F(HttpFrontTest, TurnsAwayConnectionsOverTheLimit) {
  ListenOptions options;
  options.max_connections = 2;
  start(options);
  Client first(front_->port());
  Client second(front_->port());
  first.send("GET /1 HTTP/1.1\r\nHost: x\r\n\r\n");
  second.send("GET /2 HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(first.receive(), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(second.receive(), StartsWith("HTTP/1.1 200 "));
  Client third(front_->port());
  EXPECT_THAT(third.receive(), StartsWith("HTTP/1.1 503 "));
  EXPECT_EQ(counters_.num_turned_away, 1);
}

TEST_F(HttpFrontTest, DrainsWhatItAccepted) {
  start();
  Client accepted(front_->port());
  Client idle(front_->port());
  accepted.send("GET /held HTTP/1.1\r\nHost: x\r\n\r\n");
  handler_.wait_for_held(1);
  idle.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
  idle.receive();
  front_->begin_drain();
  EXPECT_FALSE(Client(front_->port()).is_connected());
  EXPECT_FALSE(front_->wait_until_idle(milliseconds(0)));
  handler_.release();
  const std::string reply = accepted.receive();
  EXPECT_THAT(reply, HasSubstr("GET /held"));
  EXPECT_THAT(reply, HasSubstr("connection: close"));
  EXPECT_TRUE(front_->wait_until_idle(kLongEnough));
  // An open connection may send one more request.
  idle.send("GET /b HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(idle.receive(), HasSubstr("connection: close"));
  EXPECT_TRUE(idle.is_closed());
}

TEST_F(HttpFrontTest, ListensOnAUnixSocket) {
  ListenOptions options;
  options.unix_socket = testing::TempDir() + "rerank-front-test-" + std::to_string(getpid());
  {
    HttpFront front(options, handler_, counters_, *budget_);
    front.start();
    EXPECT_EQ(front.address(), "unix:" + options.unix_socket);
    Client client(options.unix_socket);
    client.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(body_of(client.receive()), "GET /a ");
    try {
      HttpFront second(options, handler_, counters_, *budget_);
      FAIL();
    } catch (const Error& error) {
      EXPECT_THAT(error.what(),
                  HasSubstr("is in use by another program: choose another path, or stop that program"));
    }
  }
  EXPECT_NE(access(options.unix_socket.c_str(), F_OK), 0);
  // The leftover of a killed process does not prevent listening.
  const int left = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, options.unix_socket.c_str(), sizeof(address.sun_path) - 1);
  ASSERT_EQ(bind(left, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  close(left);
  HttpFront front(options, handler_, counters_, *budget_);
}

TEST_F(HttpFrontTest, SaysThatAPortIsInUse) {
  start();
  ListenOptions options;
  options.host = "127.0.0.1";
  options.port = front_->port();
  try {
    HttpFront second(options, handler_, counters_, *budget_);
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("127.0.0.1:" + std::to_string(options.port)));
    EXPECT_THAT(error.what(), HasSubstr("in use"));
  }
}

TEST_F(HttpFrontTest, NamesWrongFilesAndAddresses) {
  ListenOptions options;
  options.tls_certificate_file = "/nonexistent/cert.pem";
  EXPECT_THROW(HttpFront(options, handler_, counters_, *budget_), Error);
  options = {};
  options.host = "no such host";
  EXPECT_THROW(HttpFront(options, handler_, counters_, *budget_), Error);
  options = {};
  options.port = 70000;
  EXPECT_THROW(HttpFront(options, handler_, counters_, *budget_), Error);
}

}  // namespace
}  // namespace rerank
