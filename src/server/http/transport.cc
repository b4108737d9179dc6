#include "server/http/transport.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <boost/asio/post.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <utility>

#include "server/http/tls.h"

namespace rerank {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

void finish_writing_on(Transport::Socket& socket, Transport::Handler handler) {
  error_code error;
  socket.shutdown(Transport::Socket::shutdown_send, error);
  asio::post(socket.get_executor(), [handler = std::move(handler), error] { handler(error, 0); });
}

class PlainTransport : public Transport {
 public:
  explicit PlainTransport(Socket socket) : socket_(std::move(socket)) {}

  void handshake(Handler handler) override {
    asio::post(socket_.get_executor(), [handler = std::move(handler)] { handler({}, 0); });
  }
  bool falls_back_to_plain(const error_code& /*error*/) override { return false; }
  void read_some(asio::mutable_buffer buffer, Handler handler) override {
    socket_.async_read_some(buffer, std::move(handler));
  }
  void write(const Buffers& buffers, Handler handler) override {
    asio::async_write(socket_, buffers, std::move(handler));
  }
  void finish_writing(Handler handler) override { finish_writing_on(socket_, std::move(handler)); }
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
  bool falls_back_to_plain(const error_code& error) override {
    is_plain_ = error.category() == asio::error::get_ssl_category() &&
                ERR_GET_REASON(static_cast<unsigned long>(error.value())) == SSL_R_HTTP_REQUEST;
    return is_plain_;
  }
  void read_some(asio::mutable_buffer buffer, Handler handler) override {
    if (is_plain_ || has_finished_) return stream_.next_layer().async_read_some(buffer, std::move(handler));
    stream_.async_read_some(buffer, std::move(handler));
  }
  void write(const Buffers& buffers, Handler handler) override {
    if (is_plain_) return asio::async_write(stream_.next_layer(), buffers, std::move(handler));
    asio::async_write(stream_, buffers, std::move(handler));
  }
  void finish_writing(Handler handler) override {
    if (is_plain_) return finish_writing_on(stream_.next_layer(), std::move(handler));
    has_finished_ = true;
    stream_.async_shutdown([handler = std::move(handler)](const error_code& error) { handler(error, 0); });
  }
  void close() override {
    error_code ignored;
    stream_.next_layer().close(ignored);
  }
  Socket& socket() override { return stream_.next_layer(); }

 private:
  asio::ssl::stream<Socket> stream_;
  bool is_plain_ = false;  // the client does not use TLS, and gets an error in plain HTTP
  // After its own close_notify OpenSSL accepts nothing but that of the client and fails: data read from then
  // on, to be discarded, bypasses it.
  bool has_finished_ = false;
};

}  // namespace

std::unique_ptr<Transport> make_plain_transport(Transport::Socket socket) {
  return std::make_unique<PlainTransport>(std::move(socket));
}

std::unique_ptr<Transport> make_tls_transport(Transport::Socket socket, TlsContext& tls) {
  return std::make_unique<TlsTransport>(std::move(socket), tls.context());
}

}  // namespace rerank
