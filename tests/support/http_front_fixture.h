// A front on a free port of loopback, for tests.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>

#include "server/http/http_front.h"
#include "tests/support/echo_handler.h"
#include "tests/support/loopback_client.h"

namespace rerank {

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
    if (front_ != nullptr) front_->wait_until_idle(kLongEnough);
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

}  // namespace rerank
