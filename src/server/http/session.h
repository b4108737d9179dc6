// One connection of a client, from its first byte to its last: requests in, one after the other, replies out.
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

// What all connections of a front share.
struct SessionContext {
  const ListenOptions& options;
  HttpHandler& handler;
  FrontCounters& counters;
  MemoryBudget& budget;
  std::atomic<bool> draining{false};  // every reply is the last one of its connection
  LogLimit handshake_log;
};

// All members on the thread of the transport's socket. Lives as long as something is under way. What goes
// wrong inside, such as for want of memory, ends this session and no other: everything that runs later is
// begun by then(), post() or expire_after(), which hold the session, and runs in guard().
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
  using Error = boost::system::error_code;

  // A step of this session for when an operation of the transport ends.
  Transport::Handler then(void (Session::*step)(const Error& error, std::size_t num_bytes));
  // A step for a turn of the loop later.
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
  std::optional<HttpReply> turned_away_;  // the answer to whatever comes
  bool reading_ = false;
  bool reading_for_end_ = false;  // since the last reply was written
  bool peer_ended_ = false;       // nothing more will come
  std::vector<char> buffer_;
  MemoryCharge buffer_charge_;  // for what of buffer_ is more than a silent connection's
  std::size_t begin_ = 0;       // of what is not taken yet, in buffer_
  std::size_t end_ = 0;

  std::unique_ptr<RequestReader> reader_;  // of the request being received
  std::chrono::steady_clock::time_point received_;
  bool head_accepted_ = false;
  std::optional<HttpReply> refusal_;  // the answer to the request being received, whose body is thrown away
  bool busy_ = false;                 // counted in num_busy
  bool is_head_method_ = false;
  bool is_http_1_0_ = false;
  bool keep_alive_ = false;
  bool handling_ = false;  // the handler was called and has not returned
  HttpHandler::Cancel cancel_;

  std::string reply_head_;
  std::string reply_body_;
  std::shared_ptr<void> reply_held_;
  std::size_t lingered_bytes_ = 0;
};

}  // namespace rerank
