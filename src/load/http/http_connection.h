// One connection of a lane: sends one job at a time, reads and checks the response, and stays open for the
// next.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>

#include "load/http/http_reply.h"
#include "load/http/http_stream.h"
#include "load/target.h"

namespace rerank::load {

// Shared by all connections of a target.
struct HttpRoute {
  Endpoints endpoints;
  std::string host;                                // for TLS
  std::unique_ptr<boost::asio::ssl::context> tls;  // null: no TLS
  std::string base_path;
  std::string headers;  // of every request, each with its line end
  std::chrono::milliseconds timeout{0};
};

// Used only on the thread of its context.
class HttpConnection final : private Stream::User {
 public:
  // The owner, which is notified that the connection is free just before the job's `done`, and takes over
  // streams that are closing.
  class Owner {
   public:
    virtual void on_free(HttpConnection& connection) = 0;
    virtual void on_retired(std::unique_ptr<Stream> stream) = 0;

   protected:
    ~Owner() = default;
  };

  // All must outlive the connection.
  HttpConnection(boost::asio::io_context& context, const HttpRoute& route, Owner& owner);

  // REQUIRES: free.
  void send(const Job& job, Target::Done done);
  void abort();
  // Fails a job that has exceeded its timeout.
  void check_deadline(Clock::time_point now);

 private:
  static constexpr std::size_t kBufferBytes = 16384;

  void on_connected(const error_code& error) override;
  void on_written(const error_code& error) override;
  void on_read(const error_code& error, std::size_t num_bytes) override;

  void write();
  void read();
  // Returns false if the received bytes are not HTTP.
  bool parse();
  void finish_reply();
  void fail(Failure failure, const std::string& message);
  void finish(Outcome outcome);
  void retire();

  boost::asio::io_context& context_;
  const HttpRoute& route_;
  Owner& owner_;
  std::unique_ptr<Stream> stream_;  // null: not connected
  const Job* job_ = nullptr;        // null: free
  Target::Done done_;
  Clock::time_point sent_;
  Clock::time_point arrived_;  // the latest bytes
  std::string head_;
  bool is_writing_ = false;
  std::optional<ReplyParser> parser_;
  std::string body_;
  std::array<char, kBufferBytes> buffer_;
  std::size_t num_buffered_ = 0;
};

}  // namespace rerank::load
