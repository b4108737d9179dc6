// The front over loopback, with a handler that answers when it is told to.
#include "server/http_front.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <condition_variable>
#include <cstring>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "rerank/error.h"
#include "server/loopback_client.h"

namespace rerank {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// Answers "METHOD TARGET BODY" at once; targets below /posted a turn of the loop later, those below /held
// when release() is called.
class EchoHandler : public HttpHandler {
 public:
  Cancel handle(HttpRequest request, Post post, Done done) override {
    HttpReply reply;
    reply.content_type = "text/plain";
    reply.body = request.method + " " + request.target + " " + request.body;
    if (request.target.starts_with("/posted")) {
      post([done = std::move(done), reply = std::move(reply)] { done(reply); });
      return [this] {
        const std::lock_guard cancel_lock(mutex_);
        ++num_cancelled_;
      };
    }
    if (!request.target.starts_with("/held")) {
      done(std::move(reply));
      return {};
    }
    const std::lock_guard lock(mutex_);
    held_.emplace_back(std::move(done), std::move(reply));
    charges_.push_back(std::move(request.charge));
    changed_.notify_all();
    return [this] {
      const std::lock_guard cancel_lock(mutex_);
      ++num_cancelled_;
      changed_.notify_all();
    };
  }
  std::optional<HttpReply> refuse_unread(const HttpRequest& head) override {
    if (!head.target.starts_with("/refused")) return std::nullopt;
    HttpReply reply;
    reply.status = 401;
    return reply;
  }
  HttpReply refuse_broken(const HttpRequest&, int status, const std::string& message) override {
    HttpReply reply;
    reply.status = status;
    reply.body = message;
    return reply;
  }

  void wait_for_held(std::size_t count) {
    std::unique_lock lock(mutex_);
    ASSERT_TRUE(changed_.wait_for(lock, milliseconds(kLongEnough), [&] { return held_.size() >= count; }));
  }
  void wait_for_cancelled(int count) {
    std::unique_lock lock(mutex_);
    ASSERT_TRUE(changed_.wait_for(lock, milliseconds(kLongEnough), [&] { return num_cancelled_ >= count; }));
  }
  int num_cancelled() {
    const std::lock_guard lock(mutex_);
    return num_cancelled_;
  }
  void release() {
    std::unique_lock lock(mutex_);
    auto held = std::move(held_);
    held_.clear();
    charges_.clear();
    lock.unlock();
    for (auto& [done, reply] : held) done(std::move(reply));
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::pair<Done, HttpReply>> held_;
  std::vector<MemoryCharge> charges_;  // of what is held
  int num_cancelled_ = 0;
};

class HttpFrontTest : public testing::Test {
 protected:
  void start(ListenOptions options = {}) {
    options.host = "127.0.0.1";
    options.port = 0;
    options.num_threads = 2;
    front_ = std::make_unique<HttpFront>(options, handler_, counters_, *budget_);
    front_->start();
  }
  void TearDown() override {
    handler_.release();
    if (front_ != nullptr) front_->wait_until_idle(milliseconds(kLongEnough));
    front_.reset();
    EXPECT_EQ(counters_.num_connections, 0);
    EXPECT_EQ(counters_.num_busy, 0);
    EXPECT_EQ(budget_->used_bytes(), 0);
  }
  static std::string body_of(const std::string& reply) { return reply.substr(reply.find("\r\n\r\n") + 4); }

  EchoHandler handler_;
  FrontCounters counters_;
  std::unique_ptr<MemoryBudget> budget_ = std::make_unique<MemoryBudget>(std::size_t{1} << 30);
  std::unique_ptr<HttpFront> front_;
};

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
    requests +=
        "GET /" + std::string(index % 3 == 0 ? "held" : "") + std::to_string(index) + " HTTP/1.1\r\n\r\n";
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

// On the connection's own thread and on another, one after the other.
TEST_F(HttpFrontTest, AnswersFromAnyThread) {
  start();
  {
    Client client(front_->port());
    client.send("GET /posted/1 HTTP/1.1\r\n\r\nGET /now HTTP/1.1\r\n\r\nGET /held HTTP/1.1\r\n\r\n");
    client.send("GET /posted/2 HTTP/1.1\r\n\r\n");
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
  client.send("\r\nGET /1 HTTP/1.1\r\n\r\n\r\n\r\nGET /2 HTTP/1.1\r\n\r\n");
  EXPECT_EQ(body_of(client.receive()), "GET /1 ");
  EXPECT_EQ(body_of(client.receive()), "GET /2 ");
}

TEST_F(HttpFrontTest, AnswersAHeadWithoutBody) {
  start();
  Client client(front_->port());
  client.send("HEAD /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\nConnection: close\r\n\r\n");
  std::string replies = client.receive();
  replies += client.receive();
  EXPECT_THAT(replies, HasSubstr("content-length: 8\r\n"));
  EXPECT_THAT(replies, Not(HasSubstr("HEAD /a")));
  EXPECT_TRUE(client.is_closed());
}

TEST_F(HttpFrontTest, TellsAClientToGoOn) {
  start();
  Client client(front_->port());
  client.send("POST /a HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_EQ(client.receive(), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("ok");
  EXPECT_EQ(body_of(client.receive()), "POST /a ok");
}

TEST_F(HttpFrontTest, RefusesBeforeTheBodyComes) {
  start();
  Client client(front_->port());
  client.send("POST /refused HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_THAT(client.receive(), StartsWith("HTTP/1.1 401 "));
  EXPECT_TRUE(client.is_closed());
  // Large and not waiting: what it sends meanwhile is thrown away, and the reply still arrives.
  Client large(front_->port());
  large.send("POST /refused HTTP/1.1\r\nContent-Length: 3000000\r\n\r\n" + std::string(3'000'000, 'x'));
  EXPECT_THAT(large.receive(), StartsWith("HTTP/1.1 401 "));
}

TEST_F(HttpFrontTest, RefusesWhatIsTooLarge) {
  ListenOptions options;
  options.max_body_bytes = 1000;
  start(options);
  Client client(front_->port());
  client.send("POST /a HTTP/1.1\r\nContent-Length: 1001\r\n\r\n" + std::string(1001, 'x'));
  const std::string reply = client.receive();
  EXPECT_THAT(reply, StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(reply, HasSubstr("connection: close"));
  Client headers(front_->port());
  headers.send("GET / HTTP/1.1\r\nX: " + std::string(100'000, 'x') + "\r\n\r\n");
  EXPECT_THAT(headers.receive(), StartsWith("HTTP/1.1 431 "));
}

TEST_F(HttpFrontTest, RefusesBodiesThatTogetherAreTooLarge) {
  budget_ = std::make_unique<MemoryBudget>(100'000);
  start();
  Client first(front_->port());
  first.send("POST /held HTTP/1.1\r\nContent-Length: 80000\r\n\r\n" + std::string(80'000, 'x'));
  handler_.wait_for_held(1);
  Client second(front_->port());
  second.send("POST /a HTTP/1.1\r\nContent-Length: 80000\r\n\r\n" + std::string(80'000, 'x'));
  EXPECT_THAT(second.receive(), StartsWith("HTTP/1.1 429 "));
  handler_.release();
  EXPECT_THAT(first.receive(), StartsWith("HTTP/1.1 200 "));
}

TEST_F(HttpFrontTest, NoticesThatAClientIsGone) {
  start();
  {
    Client client(front_->port());
    client.send("GET /held HTTP/1.1\r\n\r\n");
    handler_.wait_for_held(1);
  }
  handler_.wait_for_cancelled(1);
}

TEST_F(HttpFrontTest, ClosesWhoIsSilent) {
  ListenOptions options;
  options.idle_timeout = milliseconds(50);
  options.header_timeout = milliseconds(50);
  options.body_timeout = milliseconds(50);
  start(options);
  Client silent(front_->port());
  Client slow_header(front_->port());
  slow_header.send("GET / HT");
  Client slow_body(front_->port());
  slow_body.send("POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc");
  EXPECT_TRUE(silent.is_closed());
  EXPECT_THAT(slow_header.receive(), StartsWith("HTTP/1.1 408 "));
  EXPECT_THAT(slow_body.receive(), StartsWith("HTTP/1.1 408 "));
}

TEST_F(HttpFrontTest, ClosesWhoDoesNotTakeTheReply) {
  ListenOptions options;
  options.write_timeout = milliseconds(50);
  start(options);
  Client client(front_->port());
  const std::size_t size = std::size_t{30} << 20;  // more than the kernel buffers
  client.send("POST /a HTTP/1.1\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n" +
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
  first.send("GET /1 HTTP/1.1\r\n\r\n");
  second.send("GET /2 HTTP/1.1\r\n\r\n");
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
  accepted.send("GET /held HTTP/1.1\r\n\r\n");
  handler_.wait_for_held(1);
  idle.send("GET /a HTTP/1.1\r\n\r\n");
  idle.receive();
  front_->begin_drain();
  EXPECT_FALSE(Client(front_->port()).is_connected());
  EXPECT_FALSE(front_->wait_until_idle(milliseconds(0)));
  handler_.release();
  const std::string reply = accepted.receive();
  EXPECT_THAT(reply, HasSubstr("GET /held"));
  EXPECT_THAT(reply, HasSubstr("connection: close"));
  EXPECT_TRUE(front_->wait_until_idle(milliseconds(kLongEnough)));
  // A connection that was open may ask once more.
  idle.send("GET /b HTTP/1.1\r\n\r\n");
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
    client.send("GET /a HTTP/1.1\r\n\r\n");
    EXPECT_EQ(body_of(client.receive()), "GET /a ");
    EXPECT_THROW(HttpFront(options, handler_, counters_, *budget_), Error);  // it is in use
  }
  EXPECT_NE(access(options.unix_socket.c_str(), F_OK), 0);
  // One that a killed process left behind is no obstacle.
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
