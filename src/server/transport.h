// A connected byte stream: TCP or a Unix socket, with TLS or without. What the bytes mean is not here.
#pragma once

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <functional>
#include <memory>

namespace rerank {

class TlsContext;

// Not safe from several threads at once: all calls and all handlers on the thread of the socket's executor.
// One read and one write may be under way at a time.
class Transport {
 public:
  using Socket = boost::asio::generic::stream_protocol::socket;
  using Handler = std::function<void(const boost::system::error_code& error, std::size_t num_bytes)>;
  using Buffers = std::array<boost::asio::const_buffer, 2>;

  virtual ~Transport() = default;
  // Before the first read.
  virtual void handshake(Handler handler) = 0;
  virtual void read_some(boost::asio::mutable_buffer buffer, Handler handler) = 0;
  // All of `buffers`, which live until `handler` is called.
  virtual void write(const Buffers& buffers, Handler handler) = 0;
  // Says that nothing more will be written.
  virtual void finish_writing(Handler handler) = 0;
  // Ends what is under way with an error.
  virtual void close() = 0;
  virtual Socket& socket() = 0;
};

std::unique_ptr<Transport> make_plain_transport(Transport::Socket socket);
// `tls` must outlive it.
std::unique_ptr<Transport> make_tls_transport(Transport::Socket socket, TlsContext& tls);

}  // namespace rerank
