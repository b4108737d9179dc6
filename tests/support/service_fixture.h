// A service with a scripted engine, and the client of one connection, for the tests of the service.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "server/service/service.h"
#include "tests/support/long_enough.h"
#include "tests/support/scripted_engine.h"

namespace rerank {

inline constexpr const char* kTwoDocuments = R"({"query": "q", "documents": ["short", "a longer one"]})";

// A service and the client of one connection, whose posted work runs in wait().
class ServiceTest : public testing::Test {
 protected:
  // A request on its way.
  struct Pending {
    std::optional<HttpReply> reply;
    HttpHandler::Cancel cancel;
  };

  void start(ServiceOptions options = {}, bool load = true) {
    options.served_names = {"model-a", "model-b"};
    service_ = std::make_unique<Service>(std::move(options), "scripted", counters_, budget_);
    if (load) begin_serving();
  }
  void begin_serving() { service_->begin_serving(std::make_unique<ScriptedEngine>(script_), false); }

  std::shared_ptr<Pending> send(const std::string& method, const std::string& target,
                                const std::string& body = "", std::vector<HttpHeader> headers = {}) {
    HttpRequest request;
    request.method = method;
    request.target = target;
    request.headers = std::move(headers);
    request.body = body;
    request.received -= age_;
    request.charge = MemoryCharge(budget_);
    EXPECT_TRUE(request.charge.resize(body.size()));
    auto pending = std::make_shared<Pending>();
    pending->cancel = service_->handle(
        std::move(request), [this](std::function<void()> work) { post(std::move(work)); },
        [this, pending](HttpReply reply) {
          post([pending, reply = std::move(reply)] { pending->reply = reply; });
        });
    return pending;
  }
  HttpReply wait(const std::shared_ptr<Pending>& pending) {
    while (!pending->reply && !HasFatalFailure()) run_one();
    return *pending->reply;
  }
  HttpReply ask(const std::string& method, const std::string& target, const std::string& body = "",
                std::vector<HttpHeader> headers = {}) {
    return wait(send(method, target, body, std::move(headers)));
  }
  HttpReply ask_scored(const std::string& target, const std::string& body,
                       std::vector<HttpHeader> headers = {}) {
    const auto pending = send("POST", target, body, std::move(headers));
    // A large body is read on a thread of the service.
    while (!pending->reply && script_.num_waiting() == 0) {
      run_posted();
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    if (!pending->reply) script_.score_one();
    return wait(pending);
  }
  // A worker lets go of what it holds a moment after its answer is there.
  bool wait_until_used(const std::function<bool(std::int64_t)>& is_enough) const {
    const auto deadline = std::chrono::steady_clock::now() + kLongEnough;
    while (!is_enough(budget_.used_bytes())) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return true;
  }
  std::string metrics() { return ask("GET", "/metrics").body; }

  void post(std::function<void()> work) {
    {
      const std::lock_guard lock(mutex_);
      work_.push_back(std::move(work));
    }
    wake_.notify_one();
  }
  void run_one() {
    std::unique_lock lock(mutex_);
    ASSERT_TRUE(wake_.wait_for(lock, kLongEnough, [this] { return !work_.empty(); })) << "no answer";
    const auto work = std::move(work_.front());
    work_.pop_front();
    lock.unlock();
    work();
  }
  void run_posted() {
    for (;;) {
      {
        const std::lock_guard lock(mutex_);
        if (work_.empty()) return;
      }
      run_one();
    }
  }

  static std::string header_of(const HttpReply& reply, std::string_view name) {
    for (const HttpHeader& header : reply.headers) {
      if (header.name == name) return header.value;
    }
    return "(none)";
  }

  std::chrono::milliseconds age_{0};  // of requests, when the service gets them
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> work_;
  FrontCounters counters_;
  MemoryBudget budget_{std::size_t{1} << 30};
  ScriptedEngine::Script script_;
  std::unique_ptr<Service> service_;
};

}  // namespace rerank
