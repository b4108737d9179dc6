// One client connection from its first to its last byte: reads requests in sequence and writes replies.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/http/http_handler.h"
#include "server/http/listen_options.h"
#include "server/http/log_limit.h"
#include "server/http/memory_budget.h"
#include "server/http/request_reader.h"
#include "server/http/transport.h"

namespace rerank {

// Shared by all connections of a front.
struct SessionContext {
  const ListenOptions& options;
  HttpHandler& handler;
  FrontCounters& counters;
  MemoryBudget& budget;
  std::atomic<bool> draining{false};  // every reply closes its connection
  LogLimit handshake_log;
};

// All members are used on the thread of the transport's socket. Lives as long as an operation is pending. An
// exception, such as std::bad_alloc, ends this session and no other: everything that runs later is started by
// then(), post() or expire_after(), which hold the session, and runs in guard().
class Session : public std::enable_shared_from_this<Session> {
 public:
  // `context` must outlive it. `on_end` is called once, at the end of the session.
  Session(std::unique_ptr<Transport> transport, SessionContext& context, std::string peer,
          std::function<void(Session&)> on_end);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void start();
  // Replies with `status` to any request, and closes.
  void turn_away(int status, const std::string& message);
  // Closes now; a request in progress is cancelled.
  void close();

 private:
  enum class State { kHandshake, kReceiving, kAnswering, kWriting, kLingering, kClosed };
  using Error = boost::system::error_code;

  // Wraps a step of this session as the completion handler of an operation of the transport.
  Transport::Handler then(void (Session::*step)(const Error& error, std::size_t num_bytes));
  // Queues a step on the event loop.
  template <typename Step>
  void post(Step step);
  template <typename Step>
  void guard(Step&& step);

  void on_handshake(const Error& error, std::size_t num_bytes);
  void log_handshake(const Error& error);
  void read_more();
  void on_read(const Error& error, std::size_t num_bytes);
  boost::asio::mutable_buffer room();
  std::string_view unread() const;

  void advance();
  bool skip_empty_lines();
  void begin_request();
  bool accept_head();
  void answer();
  void on_reply(HttpReply reply);
  HttpReply broken(int status, const std::string& message);
  void refuse(HttpReply reply);
  void send_continue();
  void on_continued(const Error& error, std::size_t num_bytes);
  void write(HttpReply reply);
  void on_written(const Error& error, std::size_t num_bytes);
  void linger();
  void on_finished(const Error& error, std::size_t num_bytes);
  void end_request();

  void expire_after(std::chrono::milliseconds wait);
  void on_expired();

  std::unique_ptr<Transport> transport_;
  SessionContext& context_;
  std::string peer_;
  std::function<void(Session&)> on_end_;
  boost::asio::steady_timer timer_;

  State state_ = State::kHandshake;
  std::optional<HttpReply> turned_away_;  // the reply to any request
  bool reading_ = false;
  bool reading_for_end_ = false;  // after the last reply was written
  bool peer_ended_ = false;       // no more data will arrive
  std::vector<char> buffer_;
  MemoryCharge buffer_charge_;  // for the part of buffer_ beyond that of an idle connection
  std::size_t begin_ = 0;       // of unconsumed data, in buffer_
  std::size_t end_ = 0;

  std::unique_ptr<RequestReader> reader_;  // of the request being received
  std::chrono::steady_clock::time_point received_;
  bool head_accepted_ = false;
  std::optional<HttpReply> refusal_;  // the reply to the request being received, whose body is discarded
  bool busy_ = false;                 // counted in num_busy
  bool is_head_method_ = false;
  bool is_http_1_0_ = false;
  bool keep_alive_ = false;
  bool handling_ = false;  // inside a call of the handler
  HttpHandler::Cancel cancel_;

  std::string reply_head_;
  std::string reply_body_;
  std::shared_ptr<void> reply_held_;
  std::size_t lingered_bytes_ = 0;
};

}  // namespace rerank
