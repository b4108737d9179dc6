// A handler for tests of the front, which answers when it is told to.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/http/http_handler.h"
#include "tests/support/loopback_client.h"

namespace rerank {

// Answers "METHOD TARGET BODY" at once; targets below /posted a turn of the loop later, those below /held
// when release() is called. /throws and /throws/later do.
class EchoHandler : public HttpHandler {
 public:
  Cancel handle(HttpRequest request, Post post, Done done) override {
    HttpReply reply;
    reply.content_type = "text/plain";
    reply.body = request.method + " " + request.target + " " + request.body;
    if (request.target == "/throws") throw std::bad_alloc();
    if (request.target == "/throws/later") {
      post([done = std::move(done)] { throw std::bad_alloc(); });
      return {};
    }
    if (request.target == "/charged") {
      reply.body = std::string(std::size_t{30} << 20, 'x');
      reply.held_until_written = std::make_shared<int>(1);
      const std::lock_guard lock(mutex_);
      charged_ = reply.held_until_written;
      is_charged_ = true;
      changed_.notify_all();
    }
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
    ASSERT_TRUE(changed_.wait_for(lock, kLongEnough, [&] { return held_.size() >= count; }));
  }
  // What the reply to /charged holds.
  std::weak_ptr<void> wait_for_charged() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, kLongEnough, [&] { return is_charged_; });
    return charged_;
  }
  void wait_for_cancelled(int count) {
    std::unique_lock lock(mutex_);
    ASSERT_TRUE(changed_.wait_for(lock, kLongEnough, [&] { return num_cancelled_ >= count; }));
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
  std::weak_ptr<void> charged_;
  bool is_charged_ = false;
};

}  // namespace rerank
