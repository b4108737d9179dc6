#include "server/http/session.h"

#include <algorithm>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/error.hpp>
#include <cstring>
#include <exception>
#include <utility>

#include "base/log.h"
#include "base/log_event.h"
#include "server/http/reply_head.h"

namespace rerank {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr std::size_t kIdleBufferBytes = 1 << 10;  // the main cost of an idle connection
constexpr std::size_t kBufferBytes = 16 << 10;
constexpr std::size_t kLargeBodyBufferBytes = 64 << 10;
constexpr std::size_t kSmallBodyBytes = 64 << 10;  // read to its end even if it is not used
constexpr std::chrono::milliseconds kLingerTime{2'000};
constexpr std::size_t kLingerBytes = std::size_t{16} << 20;

}  // namespace

Session::Session(std::unique_ptr<Transport> transport, SessionContext& context, std::string peer,
                 std::function<void(Session&)> on_end)
    : transport_(std::move(transport)),
      context_(context),
      peer_(std::move(peer)),
      on_end_(std::move(on_end)),
      timer_(transport_->socket().get_executor()),
      buffer_charge_(context.budget) {}

Session::~Session() {
  close();
}

template <typename Step>
void Session::guard(Step&& step) {
  try {
    step();
  } catch (const std::exception& error) {
    log::error("closing the connection from {}: {}", peer_, error.what());
    close();
  }
}

Transport::Handler Session::then(void (Session::*step)(const Error& error, std::size_t num_bytes)) {
  return {shared_from_this(), [step](Session& self, const error_code& error, std::size_t num_bytes) {
            self.guard([&] { (self.*step)(error, num_bytes); });
          }};
}

template <typename Step>
void Session::post(Step step) {
  asio::post(transport_->socket().get_executor(),
             [self = shared_from_this(), step = std::move(step)]() mutable { self->guard(step); });
}

void Session::start() {
  guard([this] {
    expire_after(context_.options.header_timeout);
    transport_->handshake(then(&Session::on_handshake));
  });
}

void Session::turn_away(int status, const std::string& message) {
  guard([&] {
    turned_away_ = broken(status, message);
    expire_after(context_.options.header_timeout);
    transport_->handshake(then(&Session::on_handshake));
  });
}

void Session::on_handshake(const error_code& error, std::size_t /*num_bytes*/) {
  if (state_ != State::kHandshake) return;
  if (error) {
    if (transport_->falls_back_to_plain(error)) {
      return refuse(broken(400, "this port uses TLS: use a URL that begins with https://"));
    }
    log_handshake(error);
    return close();
  }
  if (turned_away_) return refuse(std::move(*turned_away_));
  state_ = State::kReceiving;
  advance();
}

// Port scanners and health checks close a connection during the handshake.
void Session::log_handshake(const error_code& error) {
  const bool is_silent = error == asio::error::eof || error == asio::error::connection_reset ||
                         error == asio::ssl::error::stream_truncated;
  const log::Level level = is_silent ? log::Level::kDebug : log::Level::kInfo;
  if (!log::is_enabled(level)) return;
  const auto num_left_out = context_.handshake_log.admit(std::chrono::steady_clock::now());
  if (!num_left_out) return;
  const std::string reason = error.message();
  const log::Field fields[] = {
      {"peer", peer_}, {"error", std::string_view(reason)}, {"left_out", *num_left_out}};
  log::event(level, "TLS handshake failed", fields);
}

void Session::close() {
  if (state_ == State::kClosed) return;
  state_ = State::kClosed;
  if (auto cancel = std::exchange(cancel_, {})) cancel();
  end_request();
  timer_.cancel();
  transport_->close();
  on_end_(*this);
}

std::string_view Session::unread() const {
  return {buffer_.data() + begin_, end_ - begin_};
}

// Only called while no read is pending, as the buffer may move. Empty if the budget has no room for more.
asio::mutable_buffer Session::room() {
  std::size_t wanted = reader_ == nullptr ? kIdleBufferBytes : kBufferBytes;
  if (reader_ != nullptr && reader_->progress() == RequestReader::Progress::kBody &&
      reader_->remaining_bytes().value_or(0) > kBufferBytes) {
    wanted = kLargeBodyBufferBytes;
  }
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ == 0 && buffer_.size() > kIdleBufferBytes && wanted == kIdleBufferBytes) {
    buffer_ = std::vector<char>(kIdleBufferBytes);
    buffer_charge_.clear();
  } else if (buffer_.size() < end_ + wanted && buffer_charge_.resize(end_ + wanted - kIdleBufferBytes)) {
    buffer_.resize(end_ + wanted);
  }
  return asio::buffer(buffer_.data() + end_, buffer_.size() - end_);
}

void Session::read_more() {
  if (reading_ || state_ == State::kClosed) return;
  if (peer_ended_) {
    if (state_ == State::kReceiving || state_ == State::kLingering) close();
    return;
  }
  const asio::mutable_buffer buffer = room();
  if (buffer.size() == 0) {
    if (state_ == State::kReceiving)
      refuse(broken(429, "too many requests are being received; try again soon"));
    return;
  }
  reading_ = true;
  reading_for_end_ = state_ == State::kLingering;
  transport_->read_some(buffer, then(&Session::on_read));
}

void Session::on_read(const error_code& error, std::size_t num_bytes) {
  reading_ = false;
  if (state_ == State::kClosed) return;
  if (error) {
    if (state_ == State::kLingering && !reading_for_end_) return read_more();
    if (state_ != State::kWriting) return close();
    // A reply that is being written may still arrive. What was sent before the end is answered, then the
    // connection is closed.
    peer_ended_ = true;
    return;
  }
  context_.counters.received_bytes += static_cast<std::int64_t>(num_bytes);
  if (state_ == State::kLingering) {
    lingered_bytes_ += num_bytes;
    if (lingered_bytes_ > kLingerBytes) return close();
    return read_more();
  }
  end_ += num_bytes;
  if (state_ == State::kReceiving) {
    advance();
  } else if (end_ - begin_ < kBufferBytes) {
    read_more();  // the next request has to wait; the read detects when the client disconnects
  }
}

// REQUIRES: state_ is kReceiving.
void Session::advance() {
  while (begin_ < end_) {
    if (reader_ == nullptr) {
      if (!skip_empty_lines()) break;
      begin_request();
    }
    const std::size_t consumed = reader_->feed(unread());
    begin_ += consumed;
    const auto progress = reader_->progress();
    if (progress == RequestReader::Progress::kFailed) {
      return refuse(broken(reader_->failure_status(), reader_->failure()));
    }
    if (progress != RequestReader::Progress::kHead) {
      if (!accept_head()) return;
      if (progress == RequestReader::Progress::kDone) return answer();
    }
    if (consumed == 0) break;
  }
  if (reader_ == nullptr) expire_after(context_.options.idle_timeout);
  read_more();
}

// Some clients send an empty line after a body. Returns false if there is nothing else.
bool Session::skip_empty_lines() {
  while (unread().starts_with("\r\n")) begin_ += 2;
  return begin_ < end_ && unread() != "\r";
}

void Session::begin_request() {
  reader_ = std::make_unique<RequestReader>(context_.options.max_header_bytes,
                                            context_.options.max_body_bytes, MemoryCharge(context_.budget));
  received_ = std::chrono::steady_clock::now();
  reader_->set_origin(peer_, received_);
  head_accepted_ = false;
  busy_ = true;
  ++context_.counters.num_busy;
  expire_after(context_.options.header_timeout);
}

// Returns false if there is nothing to read for now: the request is complete, or the client waits for 100
// Continue. A small body is read to its end even if the request is refused, so that the connection can be
// kept.
bool Session::accept_head() {
  if (head_accepted_) return true;
  head_accepted_ = true;
  const auto remaining = reader_->remaining_bytes();
  if (remaining && *remaining <= unread().size()) return true;  // all of it is here
  expire_after(context_.options.body_timeout);
  const bool expects_continue = reader_->expects_continue();
  if (auto reply = context_.handler.refuse_unread(reader_->head())) {
    if (expects_continue || remaining.value_or(kSmallBodyBytes + 1) > kSmallBodyBytes) {
      refuse(std::move(*reply));
      return false;
    }
    refusal_ = std::move(reply);
    reader_->discard_body();
    return true;
  }
  if (!expects_continue) return true;
  send_continue();
  return false;
}

void Session::answer() {
  state_ = State::kAnswering;
  timer_.cancel();
  is_head_method_ = reader_->head().method == "HEAD";
  is_http_1_0_ = reader_->is_http_1_0();
  keep_alive_ = reader_->keeps_alive();
  if (auto refusal = std::exchange(refusal_, {})) {
    reader_.reset();
    return write(std::move(*refusal));
  }
  HttpRequest request = reader_->take();
  reader_.reset();
  const auto run = [self = shared_from_this()](std::function<void()> work) { self->post(std::move(work)); };
  auto done = [self = shared_from_this()](HttpReply reply) {
    asio::dispatch(self->transport_->socket().get_executor(), [self, reply = std::move(reply)]() mutable {
      self->guard([&] { self->on_reply(std::move(reply)); });
    });
  };
  handling_ = true;
  cancel_ = context_.handler.handle(std::move(request), run, std::move(done));
  handling_ = false;
  if (end_ - begin_ < kBufferBytes) read_more();
}

void Session::on_reply(HttpReply reply) {
  if (handling_) {
    // The decision of the handler comes first.
    return post([this, reply = std::move(reply)]() mutable { on_reply(std::move(reply)); });
  }
  if (state_ != State::kAnswering) return;
  cancel_ = {};
  write(std::move(reply));
}

// The reply to a request that cannot be handled, from what is known of it.
HttpReply Session::broken(int status, const std::string& message) {
  if (reader_ != nullptr) return context_.handler.refuse_broken(reader_->head(), status, message);
  HttpRequest nothing;
  nothing.peer = peer_;
  return context_.handler.refuse_broken(nothing, status, message);
}

// The last reply of the connection: what follows cannot be distinguished from the rest of the body.
void Session::refuse(HttpReply reply) {
  state_ = State::kAnswering;
  timer_.cancel();
  is_head_method_ = reader_ != nullptr && reader_->head().method == "HEAD";
  reader_.reset();
  refusal_.reset();
  keep_alive_ = false;
  write(std::move(reply));
}

void Session::send_continue() {
  static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  transport_->write({asio::buffer(kContinue.data(), kContinue.size()), asio::const_buffer()},
                    then(&Session::on_continued));
}

void Session::on_continued(const error_code& error, std::size_t /*num_bytes*/) {
  if (error) return close();
  if (state_ == State::kReceiving) advance();
}

void Session::write(HttpReply reply) {
  state_ = State::kWriting;
  if (context_.draining) keep_alive_ = false;
  reply_head_ = reply_head(reply, {keep_alive_, is_http_1_0_});
  reply_body_ = is_head_method_ ? std::string() : std::move(reply.body);
  expire_after(context_.options.write_timeout);
  reply_held_ = std::move(reply.held_until_written);
  transport_->write({asio::buffer(reply_head_), asio::buffer(reply_body_)}, then(&Session::on_written));
}

void Session::on_written(const error_code& error, std::size_t num_bytes) {
  context_.counters.sent_bytes += static_cast<std::int64_t>(num_bytes);
  reply_head_ = {};
  reply_body_ = {};
  reply_held_.reset();
  if (state_ == State::kClosed) return;
  if (error) return close();
  end_request();
  if (!keep_alive_) return linger();
  state_ = State::kReceiving;
  advance();
}

// Closing while the client is still sending would reset the connection and could lose the reply. A TLS client
// may be slow to acknowledge the end: the timer limits that too.
void Session::linger() {
  state_ = State::kLingering;
  expire_after(kLingerTime);
  transport_->finish_writing(then(&Session::on_finished));
  begin_ = 0;
  end_ = 0;
  read_more();
}

// The pending read detects when the client has ended too.
void Session::on_finished(const error_code& /*error*/, std::size_t /*num_bytes*/) {}

void Session::end_request() {
  reader_.reset();
  refusal_.reset();
  if (std::exchange(busy_, false)) --context_.counters.num_busy;
}

void Session::expire_after(std::chrono::milliseconds wait) {
  timer_.expires_after(wait);
  timer_.async_wait([weak = weak_from_this()](const error_code& error) {
    const auto self = weak.lock();
    if (error || self == nullptr) return;
    // The handler may have been queued before the timer was set again.
    if (std::chrono::steady_clock::now() < self->timer_.expiry()) return;
    self->guard([&] { self->on_expired(); });
  });
}

void Session::on_expired() {
  if (state_ == State::kAnswering || state_ == State::kClosed) return;
  if (state_ == State::kHandshake) log_handshake(asio::error::timed_out);
  if (state_ != State::kReceiving || reader_ == nullptr) return close();
  if (refusal_) return refuse(std::move(*refusal_));
  refuse(broken(408, "the request did not arrive in time"));
}

}  // namespace rerank
