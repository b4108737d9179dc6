#include "server/transport.h"

#include <boost/asio/post.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <utility>

#include "server/tls.h"

namespace rerank {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

class PlainTransport : public Transport {
 public:
  explicit PlainTransport(Socket socket) : socket_(std::move(socket)) {}

  void handshake(Handler handler) override {
    asio::post(socket_.get_executor(), [handler = std::move(handler)] { handler({}, 0); });
  }
  void read_some(asio::mutable_buffer buffer, Handler handler) override {
    socket_.async_read_some(buffer, std::move(handler));
  }
  void write(const Buffers& buffers, Handler handler) override {
    asio::async_write(socket_, buffers, std::move(handler));
  }
  void finish_writing(Handler handler) override {
    error_code error;
    socket_.shutdown(Socket::shutdown_send, error);
    asio::post(socket_.get_executor(), [handler = std::move(handler), error] { handler(error, 0); });
  }
  void close() override {
    error_code ignored;
    socket_.close(ignored);
  }
  Socket& socket() override { return socket_; }

 private:
  Socket socket_;
};

class TlsTransport : public Transport {
 public:
  TlsTransport(Socket socket, asio::ssl::context& context) : stream_(std::move(socket), context) {}

  void handshake(Handler handler) override {
    stream_.async_handshake(asio::ssl::stream_base::server,
                            [handler = std::move(handler)](const error_code& error) { handler(error, 0); });
  }
  void read_some(asio::mutable_buffer buffer, Handler handler) override {
    stream_.async_read_some(buffer, std::move(handler));
  }
  void write(const Buffers& buffers, Handler handler) override {
    asio::async_write(stream_, buffers, std::move(handler));
  }
  void finish_writing(Handler handler) override {
    stream_.async_shutdown([handler = std::move(handler)](const error_code& error) { handler(error, 0); });
  }
  void close() override {
    error_code ignored;
    stream_.next_layer().close(ignored);
  }
  Socket& socket() override { return stream_.next_layer(); }

 private:
  asio::ssl::stream<Socket> stream_;
};

}  // namespace

std::unique_ptr<Transport> make_plain_transport(Transport::Socket socket) {
  return std::make_unique<PlainTransport>(std::move(socket));
}

std::unique_ptr<Transport> make_tls_transport(Transport::Socket socket, TlsContext& tls) {
  return std::make_unique<TlsTransport>(std::move(socket), tls.context());
}

}  // namespace rerank
