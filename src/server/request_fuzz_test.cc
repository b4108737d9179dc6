// Randomly mutated requests: reader and service reply or refuse, and leave nothing behind.
// RERANK_FUZZ_REQUESTS sets the length of the run.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include "server/http/request_reader.h"
#include "server/service/service.h"
#include "tests/support/scripted_engine.h"

namespace rerank {
namespace {

std::string post(const std::string& path, const std::string& headers, const std::string& body) {
  return "POST " + path + " HTTP/1.1\r\nHost: x\r\n" + headers +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

const std::vector<std::string>& corpus() {
  static const std::vector<std::string> requests = {
      "GET /health HTTP/1.1\r\nHost: x\r\n\r\n",
      "OPTIONS /v1/rerank HTTP/1.1\r\nHost: x\r\nOrigin: https://a\r\nAccess-Control-Request-Headers: a, "
      "b\r\n\r\n",
      "GET /v1/models/a%2Fb HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
      post("/v1/rerank", "X-Request-Id: abc\r\nX-Request-Timeout: 1.5\r\n",
           R"({"query":"q","documents":["a","b"],"top_n":1})"),
      post("/v1/rerank", "Content-Encoding: gzip\r\n", std::string("\x1f\x8b\x08\0\0\0\0\0\0\3", 10)),
      post("/rerank", "", R"({"query":"q","texts":["a","b"],"return_text":true,"raw_scores":true})"),
      post("/v1/score", "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n",
           R"({"text_1":["a","b"],"text_2":["c","d"]})"),
      post("/tokenize", "", R"({"inputs":["hello"]})"),
      post("/detokenize", "", R"({"tokens":[97,98]})"),
      "POST /rerank HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "
      "chunked\r\n\r\n5\r\n{\"que\r\n5\r\nry\":1\r\n0\r\n\r\n",
      "POST /rerank HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2;a=\"b\";c\r\n{}\r\n00\r\nA: "
      "b\r\n\r\n"};
  return requests;
}

std::string bent(std::string text, std::mt19937_64& random) {
  const auto below = [&](std::size_t count) { return static_cast<std::size_t>(random() % count); };
  const std::size_t num_changes = 1 + below(4);
  for (std::size_t change = 0; change < num_changes && !text.empty(); ++change) {
    const std::size_t at = below(text.size());
    switch (below(6)) {
      case 0:
        text[at] = static_cast<char>(random());
        break;
      case 1:
        text[at] = static_cast<char>(text[at] ^ (1 << below(8)));
        break;
      case 2:
        text.erase(at, 1 + below(10));
        break;
      case 3:
        text.insert(at, text.substr(below(text.size()), below(20)));
        break;
      case 4:
        text.insert(at, 1, "\"\\{}[]\r\n:,0-"[below(12)]);
        break;
      default: {
        const std::string& other = corpus()[below(corpus().size())];
        text = text.substr(0, at) + other.substr(below(other.size()));
      }
    }
  }
  return text;
}

// Runs what the service posts to its connection.
class Connection {
 public:
  void post(std::function<void()> work) {
    {
      const std::lock_guard lock(mutex_);
      work_.push_back(std::move(work));
    }
    wake_.notify_one();
  }
  void run_until(const bool& is_done, ScriptedEngine::Script& script) {
    while (!is_done) {
      std::unique_lock lock(mutex_);
      wake_.wait_for(lock, std::chrono::milliseconds(1), [this] { return !work_.empty(); });
      if (work_.empty()) {
        lock.unlock();
        if (script.num_waiting() > 0) script.score_one();
        continue;
      }
      const auto work = std::move(work_.front());
      work_.pop_front();
      lock.unlock();
      work();
    }
  }

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> work_;
};

TEST(RequestFuzz, EveryRequestIsAnsweredOrRefused) {
  const char* const asked = getenv("RERANK_FUZZ_REQUESTS");
  const int num_requests = asked == nullptr ? 3000 : std::stoi(asked);
  FrontCounters counters;
  ScriptedEngine::Script script;
  ServiceOptions options;
  options.log_access = false;
  MemoryBudget budget(std::size_t{64} << 20);
  Service service(options, "m", counters, budget);
  service.begin_serving(std::make_unique<ScriptedEngine>(script), false);
  std::mt19937_64 random(20260101);
  int num_answered = 0;
  Connection connection;  // a worker may still be inside post() when the reply arrives
  for (int index = 0; index < num_requests; ++index) {
    const std::string text = bent(corpus()[random() % corpus().size()], random);
    RequestReader reader(4096, 4096);
    std::string pending;
    for (std::size_t at = 0; at < text.size() && reader.progress() < RequestReader::Progress::kDone;
         at += 17) {
      pending += text.substr(at, 17);
      while (const std::size_t consumed = pending.empty() ? 0 : reader.feed(pending))
        pending.erase(0, consumed);
    }
    if (reader.progress() == RequestReader::Progress::kFailed) {
      const HttpReply reply = service.refuse_broken(reader.head(), reader.failure_status(), reader.failure());
      ASSERT_GE(reply.status, 400) << text;
    }
    if (reader.progress() != RequestReader::Progress::kDone) continue;
    bool is_done = false;
    HttpReply answer;
    (void)service.handle(
        reader.take(), [&](std::function<void()> work) { connection.post(std::move(work)); },
        [&](HttpReply reply) {
          connection.post([&, reply = std::move(reply)] {
            answer = reply;
            is_done = true;
          });
        });
    connection.run_until(is_done, script);
    ASSERT_GE(answer.status, 200) << text;
    // 500 would be a bug of the server.
    ASSERT_NE(answer.status, 500) << text;
    ++num_answered;
  }
  EXPECT_GT(num_answered, num_requests / 8);
  EXPECT_TRUE(service.end_all(std::chrono::seconds(60)));
  EXPECT_EQ(service.moment().num_queued_documents, 0);
}

}  // namespace
}  // namespace rerank
