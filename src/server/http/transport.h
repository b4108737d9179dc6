// A connected byte stream: TCP or a Unix socket, with TLS or without. What the bytes mean is not here.
#pragma once

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <functional>
#include <memory>
#include <utility>

namespace rerank {

class TlsContext;

// Not safe from several threads at once: all calls and all handlers on the thread of the socket's executor.
// One read and one write may be under way at a time.
class Transport {
 public:
  using Socket = boost::asio::generic::stream_protocol::socket;
  using Buffers = std::array<boost::asio::const_buffer, 2>;

  // What is called when an operation ends, and who lives until then. An operation uses the transport and the
  // caller's buffers up to its last step, also after close(); so there is no handler without an owner of
  // both.
  class Handler {
   public:
    // Calls `call(owner, error, num_bytes)`. REQUIRES: `owner` owns the transport and what the operation
    // reads or writes.
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
  // After a handshake that ended with `error`: true if the client speaks HTTP without TLS. From then on so
  // does this; what the client has sent is gone.
  virtual bool falls_back_to_plain(const boost::system::error_code& error) = 0;
  virtual void read_some(boost::asio::mutable_buffer buffer, Handler handler) = 0;
  // All of `buffers`.
  virtual void write(const Buffers& buffers, Handler handler) = 0;
  // Says that nothing more will be written. May wait for the client as long as it likes: close() ends it. A
  // read under way may fail; reads begun after it tell when the client ends, and nothing of what it sends.
  virtual void finish_writing(Handler handler) = 0;
  // Ends what is under way with an error, a little later.
  virtual void close() = 0;
  virtual Socket& socket() = 0;
};

std::unique_ptr<Transport> make_plain_transport(Transport::Socket socket);
// `tls` must outlive it.
std::unique_ptr<Transport> make_tls_transport(Transport::Socket socket, TlsContext& tls);

}  // namespace rerank
