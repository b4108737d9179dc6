// A server as the bearer of the load: connections that are kept, as many as there are requests at a time, on
// one thread or several. A request that fails is not tried again: that is what is measured.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "load/http/server_address.h"
#include "load/target.h"

namespace rerank::load {

struct HttpOptions {
  ServerAddress address;
  std::vector<std::pair<std::string, std::string>> headers;  // besides those that every request has
  std::string api_key;                                       // empty: none is sent
  bool verify_tls = true;
  std::chrono::milliseconds timeout{600'000};  // of one request, connecting included; 0: none
  int num_threads = 1;
};

class HttpTarget : public Target {
 public:
  // Throws Error naming a host that is not known or a header that cannot be sent.
  explicit HttpTarget(const HttpOptions& options);
  // What is under way ends with Failure::kAborted.
  ~HttpTarget() override;
  HttpTarget(const HttpTarget&) = delete;
  HttpTarget& operator=(const HttpTarget&) = delete;

  void send(const Job& job, Done done) override;
  void abort() override;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rerank::load
