// Detects the kind of server behind a URL, once per client.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>

#include "client/base_url.h"
#include "client/dialect.h"
#include "client/request_split.h"
#include "client/sender.h"

namespace rerank::client {

struct Server {
  const DialectSpec* spec = nullptr;
  Routes routes;
  std::string model;  // to send; empty: none
  RequestLimits limits;
};

// Requests /v1/models, /info and /models until one of them identifies the server; if none does, a server of
// Jina's dialect is assumed, at the first route that exists. Throws ClientError.
Server find_server(const BaseUrl& url, Sender& sender, const CallContext& context);

// What is known about a server whose dialect is given.
Server assumed_server(const BaseUrl& url, const DialectSpec& spec);

// Detects the server of a client once, for all threads. Safe from any thread.
class ServerFinder {
 public:
  // `sender` must outlive it. Throws Error for an invalid URL or dialect.
  ServerFinder(const ClientOptions& options, Sender& sender);

  // Waits while another thread is detecting. Throws ClientError.
  std::shared_ptr<const Server> find(const CallContext& context);
  // Call after a response that does not match the detected server: the next find detects again.
  void forget();
  const BaseUrl& url() const { return url_; }

 private:
  Server look(const CallContext& context);

  const BaseUrl url_;
  const DialectSpec* const given_;  // null: detect
  const std::string model_;
  const std::size_t max_documents_;
  const std::size_t max_request_bytes_;
  Sender& sender_;
  std::mutex mutex_;
  std::condition_variable_any answered_;
  bool is_asking_ = false;
  std::shared_ptr<const Server> found_;
};

}  // namespace rerank::client
