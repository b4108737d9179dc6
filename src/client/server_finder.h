// Which server stands behind a URL: asked once for a client, by what its cards say of it.
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

// Asks GET /v1/models, /info and /models, in this order, until one of them tells; a server with none of them
// is taken for one of Jina's shape, at the first route that is there. Throws ClientError.
Server find_server(const BaseUrl& url, Sender& sender, const CallContext& context);

// What is known of a server whose dialect is given.
Server assumed_server(const BaseUrl& url, const DialectSpec& spec);

// Finds the server of a client once, whichever of its threads asks first. Safe from any thread.
class ServerFinder {
 public:
  // `sender` must outlive it. Throws Error for a URL or dialect that makes no sense.
  ServerFinder(const ClientOptions& options, Sender& sender);

  // Waits while another thread is asking. Throws ClientError.
  std::shared_ptr<const Server> find(const CallContext& context);
  // After an answer that tells of another server than was found: the next find asks again.
  void forget();
  const BaseUrl& url() const { return url_; }

 private:
  Server look(const CallContext& context);

  const BaseUrl url_;
  const DialectSpec* const told_;  // null: find out
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
