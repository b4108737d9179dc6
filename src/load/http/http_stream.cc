#include "load/http/http_stream.h"

#include <openssl/ssl.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>

namespace rerank::load {
namespace {

namespace asio = boost::asio;
using Socket = asio::generic::stream_protocol::socket;
using TlsStream = asio::ssl::stream<Socket>;

// Counts pending operations, and keeps the user from being called after close().
template <typename Layer>
class LayeredStream : public Stream {
 public:
  template <typename... Arguments>
  explicit LayeredStream(User& user, Arguments&&... arguments)
      : layer_(std::forward<Arguments>(arguments)...), user_(&user) {}

  void connect(const Endpoints& endpoints) override {
    ++under_way_;
    asio::async_connect(socket(), endpoints, [this](const error_code& error, const auto&) {
      --under_way_;
      if (is_closed_) return;
      if (error) return user_->on_connected(error);
      error_code ignored;  // Unix sockets do not have this option
      socket().set_option(asio::ip::tcp::no_delay(true), ignored);
      shake_hands();
    });
  }
  void write(const Buffers& buffers) override {
    ++under_way_;
    asio::async_write(layer_, buffers, [this](const error_code& error, std::size_t) {
      --under_way_;
      if (!is_closed_) user_->on_written(error);
    });
  }
  void read_some(asio::mutable_buffer buffer) override {
    ++under_way_;
    layer_.async_read_some(buffer, [this](const error_code& error, std::size_t num_bytes) {
      --under_way_;
      if (!is_closed_) user_->on_read(error, num_bytes);
    });
  }
  void close() override {
    is_closed_ = true;
    error_code ignored;
    socket().close(ignored);
  }
  bool is_idle() const override { return under_way_ == 0; }

 private:
  Socket& socket() {
    if constexpr (std::is_same_v<Layer, Socket>) {
      return layer_;
    } else {
      return layer_.next_layer();
    }
  }
  void shake_hands() {
    if constexpr (std::is_same_v<Layer, Socket>) {
      user_->on_connected({});
    } else {
      ++under_way_;
      layer_.async_handshake(asio::ssl::stream_base::client, [this](const error_code& error) {
        --under_way_;
        if (!is_closed_) user_->on_connected(error);
      });
    }
  }

  Layer layer_;
  User* user_;
  int under_way_ = 0;
  bool is_closed_ = false;

  friend std::unique_ptr<Stream> make_tls_stream(asio::io_context&, asio::ssl::context&, const std::string&,
                                                 User&);
};

std::unique_ptr<Stream> make_tls_stream(asio::io_context& context, asio::ssl::context& tls,
                                        const std::string& host, Stream::User& user) {
  auto stream = std::make_unique<LayeredStream<TlsStream>>(user, Socket(context), tls);
  stream->layer_.set_verify_callback(asio::ssl::host_name_verification(host));
  SSL_set_tlsext_host_name(stream->layer_.native_handle(), host.c_str());
  return stream;
}

}  // namespace

std::unique_ptr<Stream> make_stream(asio::io_context& context, asio::ssl::context* tls,
                                    const std::string& host, Stream::User& user) {
  if (tls != nullptr) return make_tls_stream(context, *tls, host, user);
  return std::make_unique<LayeredStream<Socket>>(user, context);
}

}  // namespace rerank::load
