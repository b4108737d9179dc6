#include "server/session.h"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <cstring>
#include <utility>

#include "rerank/version.h"

namespace rerank {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr std::size_t kIdleBufferBytes = 1 << 10;  // what a silent connection costs, most of all
constexpr std::size_t kBufferBytes = 16 << 10;
constexpr std::size_t kLargeBodyBufferBytes = 64 << 10;
constexpr std::size_t kSmallBodyBytes = 64 << 10;  // read to its end even if it is not wanted
constexpr std::chrono::milliseconds kLingerTime{2'000};
constexpr std::size_t kLingerBytes = std::size_t{16} << 20;

std::string date() {
  const time_t now = time(nullptr);
  tm parts = {};
  gmtime_r(&now, &parts);
  std::array<char, 64> text{};
  return {text.data(), strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts)};
}

}  // namespace

Session::Session(std::unique_ptr<Transport> transport, SessionContext& context, std::string peer,
                 std::function<void(Session&)> on_end)
    : transport_(std::move(transport)),
      context_(context),
      peer_(std::move(peer)),
      on_end_(std::move(on_end)),
      timer_(transport_->socket().get_executor()) {}

Session::~Session() {
  close();
}

void Session::start() {
  expire_after(context_.options.header_timeout);
  transport_->handshake([self = shared_from_this()](const error_code& error, std::size_t) {
    if (self->state_ != State::kHandshake) return;
    if (error) return self->close();
    self->state_ = State::kReceiving;
    self->advance();
  });
}

void Session::turn_away(int status, const std::string& message) {
  HttpReply reply = context_.handler.refuse_broken({}, status, message);
  expire_after(context_.options.header_timeout);
  transport_->handshake(
      [self = shared_from_this(), reply = std::move(reply)](const error_code& error, std::size_t) {
        if (self->state_ != State::kHandshake) return;
        if (error) return self->close();
        self->refuse(reply);
      });
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

// Only called when no read is under way: the buffer may move.
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
  } else if (buffer_.size() < end_ + wanted) {
    buffer_.resize(end_ + wanted);
  }
  return asio::buffer(buffer_.data() + end_, buffer_.size() - end_);
}

void Session::read_more() {
  if (reading_ || state_ == State::kClosed) return;
  reading_ = true;
  transport_->read_some(room(), [self = shared_from_this()](const error_code& error, std::size_t num_bytes) {
    self->on_read(error, num_bytes);
  });
}

void Session::on_read(const error_code& error, std::size_t num_bytes) {
  reading_ = false;
  if (state_ == State::kClosed) return;
  if (error) {
    // A reply being written may still arrive; its own failure ends the session.
    if (state_ != State::kWriting) close();
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
    read_more();  // the next request waits its turn; the read tells when the client goes away
  }
}

// REQUIRES: state_ is kReceiving.
void Session::advance() {
  while (begin_ < end_) {
    if (reader_ == nullptr) {
      // Some clients send an empty line after a body.
      while (begin_ < end_ && (buffer_[begin_] == '\r' || buffer_[begin_] == '\n')) ++begin_;
      if (begin_ == end_) break;
      begin_request();
    }
    const std::size_t consumed = reader_->feed(unread());
    begin_ += consumed;
    const auto progress = reader_->progress();
    if (progress == RequestReader::Progress::kFailed) {
      return refuse(
          context_.handler.refuse_broken(reader_->head(), reader_->failure_status(), reader_->failure()));
    }
    if (progress != RequestReader::Progress::kHead) {
      if (!charge_.resize(reader_->received_bytes())) {
        return refuse(context_.handler.refuse_broken(
            reader_->head(), 429, "too many large requests are being received; try again soon"));
      }
      if (!accept_head()) return;
      if (progress == RequestReader::Progress::kDone) return answer();
    }
    if (consumed == 0) break;
  }
  if (reader_ == nullptr) expire_after(context_.options.idle_timeout);
  read_more();
}

void Session::begin_request() {
  reader_ =
      std::make_unique<RequestReader>(context_.options.max_header_bytes, context_.options.max_body_bytes);
  received_ = std::chrono::steady_clock::now();
  charge_ = MemoryCharge(context_.budget);
  head_accepted_ = false;
  busy_ = true;
  ++context_.counters.num_busy;
  expire_after(context_.options.header_timeout);
}

// False if nothing is to be read for now: the request ended here, or its client is told to go on first. A
// small body is read even if its request will be refused: then the connection can go on.
bool Session::accept_head() {
  if (head_accepted_) return true;
  head_accepted_ = true;
  expire_after(context_.options.body_timeout);
  const bool expects_continue = reader_->expects_continue();
  if (expects_continue || reader_->remaining_bytes().value_or(kSmallBodyBytes + 1) > kSmallBodyBytes) {
    if (auto reply = context_.handler.refuse_unread(reader_->head())) {
      refuse(std::move(*reply));
      return false;
    }
  }
  if (!expects_continue || reader_->progress() == RequestReader::Progress::kDone) return true;
  send_continue();
  return false;
}

void Session::answer() {
  state_ = State::kAnswering;
  timer_.cancel();
  is_head_method_ = reader_->head().method == "HEAD";
  is_http_1_0_ = reader_->is_http_1_0();
  keep_alive_ = reader_->keeps_alive();
  HttpRequest request = reader_->take();
  request.peer = peer_;
  request.received = received_;
  request.charge = std::move(charge_);
  reader_.reset();
  const auto executor = transport_->socket().get_executor();
  const auto post = [executor](std::function<void()> work) { asio::post(executor, std::move(work)); };
  auto done = [self = shared_from_this(), executor](HttpReply reply) {
    asio::dispatch(executor,
                   [self, reply = std::move(reply)]() mutable { self->on_reply(std::move(reply)); });
  };
  handling_ = true;
  cancel_ = context_.handler.handle(std::move(request), post, std::move(done));
  handling_ = false;
  if (end_ - begin_ < kBufferBytes) read_more();
}

void Session::on_reply(HttpReply reply) {
  if (handling_) {
    // What the handler returns comes first.
    asio::post(transport_->socket().get_executor(),
               [self = shared_from_this(), reply = std::move(reply)]() mutable {
                 self->on_reply(std::move(reply));
               });
    return;
  }
  if (state_ != State::kAnswering) return;
  cancel_ = {};
  write(std::move(reply));
}

// The last reply of the connection: what follows cannot be told from the rest of the body.
void Session::refuse(HttpReply reply) {
  state_ = State::kAnswering;
  timer_.cancel();
  is_head_method_ = reader_ != nullptr && reader_->head().method == "HEAD";
  reader_.reset();
  keep_alive_ = false;
  write(std::move(reply));
}

void Session::send_continue() {
  static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  transport_->write({asio::buffer(kContinue.data(), kContinue.size()), asio::const_buffer()},
                    [self = shared_from_this()](const error_code& error, std::size_t) {
                      if (error) return self->close();
                      if (self->state_ == State::kReceiving) self->advance();
                    });
}

void Session::write(HttpReply reply) {
  state_ = State::kWriting;
  if (context_.draining) keep_alive_ = false;
  fmt::memory_buffer head;
  const auto out = fmt::appender(head);
  fmt::format_to(out, "HTTP/1.1 {} {}\r\nserver: rerank.cpp/{}\r\ndate: {}\r\n", reply.status,
                 reason_phrase(reply.status), version(), date());
  if (!reply.content_type.empty()) fmt::format_to(out, "content-type: {}\r\n", reply.content_type);
  if (reply.status != 204) fmt::format_to(out, "content-length: {}\r\n", reply.body.size());
  for (const HttpHeader& header : reply.headers) {
    fmt::format_to(out, "{}: {}\r\n", header.name, header.value);
  }
  if (!keep_alive_) {
    fmt::format_to(out, "connection: close\r\n");
  } else if (is_http_1_0_) {
    fmt::format_to(out, "connection: keep-alive\r\n");
  }
  fmt::format_to(out, "\r\n");
  reply_head_ = fmt::to_string(head);
  reply_body_ = is_head_method_ ? std::string() : std::move(reply.body);
  expire_after(context_.options.write_timeout);
  transport_->write({asio::buffer(reply_head_), asio::buffer(reply_body_)},
                    [self = shared_from_this()](const error_code& error, std::size_t num_bytes) {
                      self->context_.counters.sent_bytes += static_cast<std::int64_t>(num_bytes);
                      self->on_written(error);
                    });
}

void Session::on_written(const error_code& error) {
  if (state_ == State::kClosed) return;
  if (error) return close();
  reply_head_ = {};
  reply_body_ = {};
  end_request();
  if (!keep_alive_) return linger();
  state_ = State::kReceiving;
  advance();
}

// Closing while the client still sends would reset the connection, and the reply could be lost with it.
void Session::linger() {
  state_ = State::kLingering;
  expire_after(kLingerTime);
  transport_->finish_writing([](const error_code&, std::size_t) {});
  begin_ = 0;
  end_ = 0;
  read_more();
}

void Session::end_request() {
  reader_.reset();
  charge_.clear();
  if (std::exchange(busy_, false)) --context_.counters.num_busy;
}

void Session::expire_after(std::chrono::milliseconds wait) {
  timer_.expires_after(wait);
  timer_.async_wait([weak = weak_from_this()](const error_code& error) {
    const auto self = weak.lock();
    if (error || self == nullptr) return;
    // The handler may have been on its way already when the time was set anew.
    if (std::chrono::steady_clock::now() >= self->timer_.expiry()) self->on_expired();
  });
}

void Session::on_expired() {
  if (state_ == State::kAnswering || state_ == State::kClosed) return;
  if (state_ != State::kReceiving || reader_ == nullptr) return close();
  refuse(context_.handler.refuse_broken(reader_->head(), 408, "the request did not arrive in time"));
}

}  // namespace rerank
