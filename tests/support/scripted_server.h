// For tests: an HTTP server on 127.0.0.1 (or a Unix socket) whose every answer, down to the bytes and to when
// the connection is closed, is given by a function.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace rerank {

struct ScriptedRequest {
  std::string head;  // request line and headers, as received
  std::string body;  // as received: content-length bytes
  int number = 0;    // counted over all connections, from 0

  std::string path() const;
};

struct ScriptedAnswer {
  std::string bytes;   // sent as they are
  bool close = false;  // afterwards
  bool drip = false;   // every byte by itself, 20 ms after the one before
  bool hold = false;   // afterwards: say nothing more until the other side has gone or the server ends

  // A whole answer with content-length, the connection kept.
  static ScriptedAnswer reply(int status, const std::string& body, const std::string& more_headers = "");
};

// `script` is called on a thread of each connection, so it must be safe from several.
class ScriptedServer {
 public:
  using Script = std::function<ScriptedAnswer(const ScriptedRequest&)>;

  explicit ScriptedServer(Script script, const std::string& unix_socket = "");
  ~ScriptedServer();
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;

  std::string url() const;
  int num_connections() const { return num_connections_; }
  int num_requests() const { return num_requests_; }

 private:
  void accept_all();
  void serve(int socket);

  const Script script_;
  int port_ = 0;  // set while the listener is made
  const int listener_;
  std::atomic<int> num_connections_ = 0;
  std::atomic<int> num_requests_ = 0;
  std::vector<int> sockets_;          // of all connections, open until the end
  std::vector<std::thread> threads_;  // one for each connection
  std::thread accepting_;
};

}  // namespace rerank
