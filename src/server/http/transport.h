// A connected byte stream: TCP or a Unix socket, with or without TLS.
#pragma once

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <functional>
#include <memory>
#include <utility>

namespace rerank {

class TlsContext;

// Not safe from several threads at once: all calls and handlers are on the thread of the socket's executor.
// At most one read and one write may be pending.
class Transport {
 public:
  using Socket = boost::asio::generic::stream_protocol::socket;
  using Buffers = std::array<boost::asio::const_buffer, 2>;

  // A completion handler with its owner. An operation uses the transport and the caller's buffers until it
  // completes, even after close(), so no handler exists without an owner of both.
  class Handler {
   public:
    // Calls `call(owner, error, num_bytes)`. REQUIRES: `owner` owns the transport and the buffers of the
    // operation.
    template <typename Owner, typename Call>
    Handler(std::shared_ptr<Owner> owner, Call call)
        : call_([owner = std::move(owner), call = std::move(call)](const boost::system::error_code& error,
                                                                   std::size_t num_bytes) {
            call(*owner, error, num_bytes);
          }) {}

    void operator()(const boost::system::error_code& error, std::size_t num_bytes) const {
      call_(error, num_bytes);
    }

   private:
    std::function<void(const boost::system::error_code& error, std::size_t num_bytes)> call_;
  };

  virtual ~Transport() = default;
  // Before the first read.
  virtual void handshake(Handler handler) = 0;
  // After a handshake that ended with `error`: whether the client uses HTTP without TLS. If so, this
  // transport does too from then on; what the client has sent is lost.
  virtual bool falls_back_to_plain(const boost::system::error_code& error) = 0;
  virtual void read_some(boost::asio::mutable_buffer buffer, Handler handler) = 0;
  // Writes all of `buffers`.
  virtual void write(const Buffers& buffers, Handler handler) = 0;
  // Shuts down the sending side. May wait for the client indefinitely: close() ends it. A pending read may
  // fail; later reads discard data and detect when the client closes.
  virtual void finish_writing(Handler handler) = 0;
  // Pending operations complete with an error, a little later.
  virtual void close() = 0;
  virtual Socket& socket() = 0;
};

std::unique_ptr<Transport> make_plain_transport(Transport::Socket socket);
// `tls` must outlive it.
std::unique_ptr<Transport> make_tls_transport(Transport::Socket socket, TlsContext& tls);

}  // namespace rerank
