// A byte stream to the server over TCP or a Unix socket, with or without TLS.
#pragma once

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/context.hpp>
#include <memory>
#include <string>
#include <vector>

namespace rerank::load {

using boost::system::error_code;
using Endpoints = std::vector<boost::asio::generic::stream_protocol::endpoint>;

// Used only on the thread of its context. At most one read and one write may be pending.
class Stream {
 public:
  class User {
   public:
    virtual void on_connected(const error_code& error) = 0;
    virtual void on_written(const error_code& error) = 0;
    virtual void on_read(const error_code& error, std::size_t num_bytes) = 0;

   protected:
    ~User() = default;
  };
  using Buffers = std::array<boost::asio::const_buffer, 2>;

  virtual ~Stream() = default;
  // Connects to the first of `endpoints` that accepts, which must outlive the stream; with TLS including the
  // handshake.
  virtual void connect(const Endpoints& endpoints) = 0;
  // Writes all of `buffers`, which must live until on_written.
  virtual void write(const Buffers& buffers) = 0;
  virtual void read_some(boost::asio::mutable_buffer buffer) = 0;
  // After this the user is not called any more. The stream must live until it is idle.
  virtual void close() = 0;
  virtual bool is_idle() const = 0;
};

// `user`, and `tls` if not null, must outlive the stream. `host` is the name that the certificate must match.
std::unique_ptr<Stream> make_stream(boost::asio::io_context& context, boost::asio::ssl::context* tls,
                                    const std::string& host, Stream::User& user);

}  // namespace rerank::load
