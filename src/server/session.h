// One connection of a client, from its first byte to its last: requests in, one after the other, replies out.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/http_handler.h"
#include "server/memory_budget.h"
#include "server/request_reader.h"
#include "server/server_options.h"
#include "server/transport.h"

namespace rerank {

// What all connections of a front share.
struct SessionContext {
  const ListenOptions& options;
  HttpHandler& handler;
  FrontCounters& counters;
  MemoryBudget& budget;
  std::atomic<bool> draining{false};  // every reply is the last one of its connection
};

// All members on the thread of the transport's socket. Lives as long as something is under way.
class Session : public std::enable_shared_from_this<Session> {
 public:
  // `context` must outlive it. `on_end` is called once, from the session's end.
  Session(std::unique_ptr<Transport> transport, SessionContext& context, std::string peer,
          std::function<void(Session&)> on_end);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void start();
  // Answers with `status` whatever is asked, and ends.
  void turn_away(int status, const std::string& message);
  // Ends it now; the request under way is cancelled.
  void close();

 private:
  enum class State { kHandshake, kReceiving, kAnswering, kWriting, kLingering, kClosed };

  void read_more();
  void on_read(const boost::system::error_code& error, std::size_t num_bytes);
  boost::asio::mutable_buffer room();
  std::string_view unread() const;

  void advance();
  void begin_request();
  bool accept_head();
  void answer();
  void on_reply(HttpReply reply);
  void refuse(HttpReply reply);
  void send_continue();
  void write(HttpReply reply);
  void on_written(const boost::system::error_code& error);
  void linger();
  void end_request();

  void expire_after(std::chrono::milliseconds wait);
  void on_expired();

  std::unique_ptr<Transport> transport_;
  SessionContext& context_;
  std::string peer_;
  std::function<void(Session&)> on_end_;
  boost::asio::steady_timer timer_;

  State state_ = State::kHandshake;
  bool reading_ = false;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;  // of what is not taken yet, in buffer_
  std::size_t end_ = 0;

  std::unique_ptr<RequestReader> reader_;  // of the request being received
  std::chrono::steady_clock::time_point received_;
  bool head_accepted_ = false;
  bool busy_ = false;    // counted in num_busy
  MemoryCharge charge_;  // for the body being received
  bool is_head_method_ = false;
  bool is_http_1_0_ = false;
  bool keep_alive_ = false;
  bool handling_ = false;  // the handler was called and has not returned
  HttpHandler::Cancel cancel_;

  std::string reply_head_;
  std::string reply_body_;
  std::size_t lingered_bytes_ = 0;
};

}  // namespace rerank
