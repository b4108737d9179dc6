#include "load/http/http_connection.h"

#include <fmt/format.h>

#include <boost/beast/http/error.hpp>
#include <cstring>
#include <utility>

#include "load/http/reply_check.h"

namespace rerank::load {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;

}  // namespace

HttpConnection::HttpConnection(asio::io_context& context, const HttpRoute& route, Owner& owner)
    : context_(context), route_(route), owner_(owner) {}

void HttpConnection::send(const Job& job, Target::Done done) {
  job_ = &job;
  done_ = std::move(done);
  sent_ = Clock::now();
  if (stream_ != nullptr) return write();
  num_buffered_ = 0;
  stream_ = make_stream(context_, route_.tls.get(), route_.host, *this);
  stream_->connect(route_.endpoints);
}

void HttpConnection::on_connected(const error_code& error) {
  if (error) return fail(Failure::kConnect, "cannot connect: " + error.message());
  write();
  read();
}

void HttpConnection::write() {
  head_.clear();
  fmt::format_to(std::back_inserter(head_), "{} {}{} HTTP/1.1\r\n{}", job_->method, route_.base_path,
                 job_->path, route_.headers);
  if (!job_->body.empty()) {
    fmt::format_to(std::back_inserter(head_), "Content-Type: application/json\r\nContent-Length: {}\r\n",
                   job_->body.size());
  }
  head_ += "\r\n";
  body_.clear();
  parser_.emplace(body_);
  is_writing_ = true;
  stream_->write({asio::buffer(head_), asio::buffer(job_->body)});
}

void HttpConnection::on_written(const error_code&) {
  // A write error is reported by the pending read, after whatever the server sent before.
  is_writing_ = false;
}

void HttpConnection::read() {
  stream_->read_some(asio::buffer(buffer_.data() + num_buffered_, buffer_.size() - num_buffered_));
}

void HttpConnection::on_read(const error_code& error, std::size_t num_bytes) {
  arrived_ = Clock::now();
  if (job_ == nullptr) return retire();  // closed by the server while idle, or unexpected data
  if (error) {
    error_code last;
    if (parser_->got_some() && !parser_->is_done()) parser_->put_eof(last);
    if (parser_->is_done() && !last) return finish_reply();
    const char* when = parser_->got_some() ? "during the response" : "before the response";
    return fail(Failure::kLost, fmt::format("the connection was lost {}: {}", when, error.message()));
  }
  num_buffered_ += num_bytes;
  if (!parse()) return;
  if (parser_->is_done()) return finish_reply();
  read();
}

bool HttpConnection::parse() {
  while (num_buffered_ > 0 && !parser_->is_done()) {
    error_code error;
    const std::size_t num_used = parser_->put(asio::buffer(buffer_.data(), num_buffered_), error);
    num_buffered_ -= num_used;
    std::memmove(buffer_.data(), buffer_.data() + num_used, num_buffered_);
    const bool wants_more = error == http::error::need_more;
    if ((error && !wants_more) || (wants_more && num_buffered_ == buffer_.size())) {
      fail(Failure::kReply, "the response is not HTTP: " + error.message());
      return false;
    }
    if (parser_->is_done() && parser_->status() < 200)
      parser_.emplace(body_);  // "100 Continue" and other interim responses
    if (wants_more) break;
  }
  return true;
}

void HttpConnection::finish_reply() {
  Outcome outcome;
  outcome.status = parser_->status();
  if (outcome.status != 200) {
    outcome.failure = Failure::kStatus;
    outcome.message = error_text(body_);
  } else if (job_->num_results >= 0) {
    ReplyFigures figures;
    outcome.message = read_reply(body_, figures);
    if (outcome.message.empty()) outcome.message = problem_of(figures, job_->num_results);
    if (!outcome.message.empty()) outcome.failure = Failure::kReply;
    outcome.num_tokens = figures.num_tokens >= 0 ? figures.num_tokens : parser_->num_tokens();
  }
  if (job_->keep_reply) outcome.reply = body_;
  if (!parser_->keep_alive() || is_writing_ || num_buffered_ > 0) {
    retire();
  } else {
    read();
  }
  finish(std::move(outcome));
}

void HttpConnection::fail(Failure failure, const std::string& message) {
  arrived_ = Clock::now();
  retire();
  Outcome outcome;
  outcome.failure = failure;
  outcome.message = message;
  finish(std::move(outcome));
}

void HttpConnection::finish(Outcome outcome) {
  outcome.sent = sent_;
  outcome.done = arrived_;
  job_ = nullptr;
  const Target::Done done = std::exchange(done_, nullptr);
  owner_.on_free(*this);
  done(std::move(outcome));
}

void HttpConnection::retire() {
  if (stream_ == nullptr) return;
  stream_->close();
  owner_.on_retired(std::move(stream_));
  is_writing_ = false;
}

void HttpConnection::abort() {
  if (job_ != nullptr) fail(Failure::kAborted, "aborted");
}

void HttpConnection::check_deadline(Clock::time_point now) {
  if (job_ == nullptr || route_.timeout.count() == 0 || now - sent_ < route_.timeout) return;
  fail(Failure::kTimeout,
       fmt::format("no response within {} s", static_cast<double>(route_.timeout.count()) / 1000));
}

}  // namespace rerank::load
