// A client of the front for tests: raw bytes over TCP or a Unix socket.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "tests/support/long_enough.h"

namespace rerank {

class Client {
 public:
  explicit Client(int port) : descriptor_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    is_connected_ = connect(descriptor_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
  }
  explicit Client(const std::string& path) : descriptor_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
    is_connected_ = connect(descriptor_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
  }
  virtual ~Client() { close(descriptor_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  bool is_connected() const { return is_connected_; }
  void send(std::string_view text) {
    while (!text.empty()) {
      const ssize_t sent = send_some(text);
      if (sent <= 0) return;  // the server had enough
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  // Nothing more will be sent; replies are still received.
  void end_sending() const { shutdown(descriptor_, SHUT_WR); }
  // One reply: head and body; what is there so far if the server ends first.
  std::string receive() {
    while (buffer_.find("\r\n\r\n") == std::string::npos) {
      if (!receive_more()) return std::exchange(buffer_, {});
    }
    const std::size_t head = buffer_.find("\r\n\r\n") + 4;
    const std::size_t at = buffer_.find("content-length: ");
    const std::size_t size = at < head ? std::stoul(buffer_.substr(at + 16)) : 0;
    while (buffer_.size() < head + size) {
      if (!receive_more()) return std::exchange(buffer_, {});
    }
    const std::string reply = buffer_.substr(0, head + size);
    buffer_.erase(0, head + size);
    return reply;
  }
  // True once the server has closed; bytes before that are an error of the test.
  bool is_closed() {
    if (!buffer_.empty()) return false;
    return !receive_more() && buffer_.empty();
  }

 protected:
  int descriptor() const { return descriptor_; }
  virtual ssize_t send_some(std::string_view text) {
    return ::send(descriptor_, text.data(), text.size(), MSG_NOSIGNAL);
  }
  virtual ssize_t receive_some(std::span<char> block) {
    pollfd waiting = {descriptor_, POLLIN, 0};
    if (poll(&waiting, 1, static_cast<int>(kLongEnough.count())) != 1) {
      ADD_FAILURE() << "the server neither says anything nor closes the connection";
      return -1;
    }
    return recv(descriptor_, block.data(), block.size(), 0);
  }

 private:
  bool receive_more() {
    std::array<char, 65536> block{};
    const ssize_t got = receive_some(block);
    if (got <= 0) return false;
    buffer_.append(block.data(), static_cast<std::size_t>(got));
    return true;
  }

  int descriptor_;
  bool is_connected_ = false;
  std::string buffer_;
};

}  // namespace rerank
