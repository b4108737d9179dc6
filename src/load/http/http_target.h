// A server as the target: persistent connections, as many as there are concurrent requests, on one or more
// threads. Failed requests are not retried, as failures are part of the measurement.
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
  std::vector<std::pair<std::string, std::string>> headers;  // in addition to the standard ones
  std::string api_key;                                       // empty: none
  bool verify_tls = true;
  std::chrono::milliseconds timeout{600'000};  // of one request including the connection; 0: none
  int num_threads = 1;
};

class HttpTarget : public Target {
 public:
  // Throws Error naming an unknown host or an invalid header.
  explicit HttpTarget(const HttpOptions& options);
  // Requests in progress end with Failure::kAborted.
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
