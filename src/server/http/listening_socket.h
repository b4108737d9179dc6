// The listening socket: TCP by host and port, or a Unix socket by path.
#pragma once

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>

#include "server/http/listen_options.h"
#include "server/http/transport.h"

namespace rerank {

// Not safe from several threads at once.
class ListeningSocket {
 public:
  // `peer` is the address of the client, for logs.
  using Accepted = std::function<void(const boost::system::error_code& error, Transport::Socket socket,
                                      const std::string& peer)>;

  // Throws Error naming the address.
  ListeningSocket(boost::asio::io_context& io, const ListenOptions& options);
  // Removes the file of a Unix socket.
  ~ListeningSocket();
  ListeningSocket(const ListeningSocket&) = delete;
  ListeningSocket& operator=(const ListeningSocket&) = delete;

  // Accepts one connection, whose socket lives on `io`; `accepted` is called on the thread of this socket.
  void accept(boost::asio::io_context& io, Accepted accepted);
  void close();

  const std::string& address() const { return address_; }
  int port() const { return port_; }

 private:
  class Acceptor;
  std::unique_ptr<Acceptor> acceptor_;
  std::string address_;
  std::string unix_path_;
  int port_ = 0;
};

}  // namespace rerank
