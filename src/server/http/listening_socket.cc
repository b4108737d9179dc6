#include "server/http/listening_socket.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <utility>

#include "rerank/error.h"

namespace rerank {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using asio::local::stream_protocol;
using boost::system::error_code;

[[noreturn]] void refuse_address(const std::string& where, const error_code& error) {
  if (error == asio::error::address_in_use) {
    throw Error(ErrorCode::kUnavailable,
                fmt::format("{} is in use by another program: choose another {}, or stop that program", where,
                            where.starts_with("--uds") ? "path" : "--port"));
  }
  throw Error(ErrorCode::kInvalidArgument, fmt::format("cannot listen on {}: {}", where, error.message()));
}

tcp::endpoint resolve(asio::io_context& io, const ListenOptions& options) {
  require(options.port >= 0 && options.port <= 65535, "--port must be between 0 and 65535");
  error_code error;
  const auto address = asio::ip::make_address(options.host, error);
  if (!error) return {address, static_cast<std::uint16_t>(options.port)};
  tcp::resolver resolver(io);
  const auto found =
      resolver.resolve(options.host, std::to_string(options.port), tcp::resolver::passive, error);
  if (error || found.empty()) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("--host {}: unknown address or name ({})", options.host, error.message()));
  }
  return found.begin()->endpoint();
}

std::string written(const tcp::endpoint& endpoint) {
  const std::string address = endpoint.address().to_string();
  return endpoint.address().is_v6() ? fmt::format("[{}]:{}", address, endpoint.port())
                                    : fmt::format("{}:{}", address, endpoint.port());
}

// A leftover of an earlier process is removed; a running server's socket is not.
void remove_stale_socket(asio::io_context& io, const std::string& path) {
  struct stat status = {};
  if (lstat(path.c_str(), &status) != 0) return;
  if (!S_ISSOCK(status.st_mode)) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("--uds {}: the file exists and is not a socket", path));
  }
  stream_protocol::socket probe(io);
  error_code error;
  probe.connect(stream_protocol::endpoint(path), error);
  if (!error) refuse_address("--uds " + path, asio::error::address_in_use);
  unlink(path.c_str());
}

}  // namespace

class ListeningSocket::Acceptor {
 public:
  using Socket = asio::basic_socket_acceptor<asio::generic::stream_protocol>;

  explicit Acceptor(asio::io_context& io) : socket_(io) {}

  template <typename Protocol>
  void open(asio::io_context& io, const typename Protocol::endpoint& endpoint, const std::string& where) {
    asio::basic_socket_acceptor<Protocol> socket(io);
    error_code error;
    socket.open(endpoint.protocol(), error);
    if (error) refuse_address(where, error);
    socket.set_option(asio::socket_base::reuse_address(true), error);
    socket.bind(endpoint, error);
    if (!error) socket.listen(asio::socket_base::max_listen_connections, error);
    if (error) refuse_address(where, error);
    const auto protocol = endpoint.protocol();
    socket_.assign(asio::generic::stream_protocol(protocol), socket.release());
  }

  Socket& socket() { return socket_; }

 private:
  Socket socket_;
};

ListeningSocket::ListeningSocket(asio::io_context& io, const ListenOptions& options)
    : acceptor_(std::make_unique<Acceptor>(io)) {
  if (!options.unix_socket.empty()) {
    require(options.unix_socket.size() < sizeof(sockaddr_un::sun_path), "--uds: the path is too long");
    remove_stale_socket(io, options.unix_socket);
    acceptor_->open<stream_protocol>(io, stream_protocol::endpoint(options.unix_socket),
                                     "--uds " + options.unix_socket);
    unix_path_ = options.unix_socket;
    address_ = "unix:" + options.unix_socket;
    return;
  }
  const tcp::endpoint endpoint = resolve(io, options);
  acceptor_->open<tcp>(io, endpoint, written(endpoint));
  sockaddr_storage bound = {};
  socklen_t size = sizeof(bound);
  getsockname(acceptor_->socket().native_handle(), reinterpret_cast<sockaddr*>(&bound), &size);
  // IPv4 and IPv6 have the port at the same offset.
  port_ = ntohs(reinterpret_cast<const sockaddr_in*>(&bound)->sin_port);
  const bool is_tls = !options.tls_certificate_file.empty() || !options.tls_key_file.empty();
  address_ = (is_tls ? "https://" : "http://") +
             written(tcp::endpoint(endpoint.address(), static_cast<std::uint16_t>(port_)));
}

ListeningSocket::~ListeningSocket() {
  close();
}

void ListeningSocket::accept(asio::io_context& io, Accepted accepted) {
  auto peer = std::make_shared<asio::generic::stream_protocol::endpoint>();
  acceptor_->socket().async_accept(
      io, *peer, [peer, accepted = std::move(accepted)](const error_code& error, Transport::Socket socket) {
        if (error) return accepted(error, std::move(socket), "");
        if (peer->protocol().family() == AF_UNIX) return accepted(error, std::move(socket), "unix");
        // Replies are written as a whole: waiting for more data would only delay them.
        error_code ignored;
        socket.set_option(tcp::no_delay(true), ignored);
        tcp::endpoint endpoint;
        std::memcpy(endpoint.data(), peer->data(), std::min(peer->size(), endpoint.capacity()));
        accepted(error, std::move(socket), written(endpoint));
      });
}

void ListeningSocket::close() {
  error_code ignored;
  acceptor_->socket().close(ignored);
  if (!unix_path_.empty()) unlink(std::exchange(unix_path_, {}).c_str());
}

}  // namespace rerank
