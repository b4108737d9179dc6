#include "tests/support/scripted_server.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <cstring>

#include "rerank/error.h"

namespace rerank {
namespace {

int listen_on_loopback(int& port) {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  check(::bind(listener, generic, size) == 0 && ::listen(listener, 64) == 0 &&
            ::getsockname(listener, generic, &size) == 0,
        "cannot listen on 127.0.0.1");
  port = ntohs(address.sin_port);
  return listener;
}

int listen_on_path(const std::string& path) {
  const int listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  check(path.size() < sizeof address.sun_path, "the socket's path is too long");
  std::memcpy(address.sun_path, path.data(), path.size());
  check(::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
            ::listen(listener, 64) == 0,
        "cannot listen on " + path);
  return listener;
}

// Appends what comes to `received`; false at the end of the stream.
bool receive(int socket, std::string& received) {
  char buffer[65536];
  const ssize_t size = ::recv(socket, buffer, sizeof buffer, 0);
  if (size > 0) received.append(buffer, static_cast<std::size_t>(size));
  return size > 0;
}

std::size_t content_length(std::string head) {
  std::transform(head.begin(), head.end(), head.begin(), [](unsigned char c) { return std::tolower(c); });
  const std::size_t at = head.find("\r\ncontent-length:");
  return at == std::string::npos ? 0 : std::strtoul(head.c_str() + at + 17, nullptr, 10);
}

bool send_all(int socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

bool send_slowly(int socket, std::string_view bytes) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (!send_all(socket, bytes.substr(i, 1))) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return true;
}

}  // namespace

std::string ScriptedRequest::path() const {
  const std::size_t begin = head.find(' ') + 1;
  return head.substr(begin, head.find(' ', begin) - begin);
}

ScriptedAnswer ScriptedAnswer::reply(int status, const std::string& body, const std::string& more_headers) {
  return {.bytes = fmt::format("HTTP/1.1 {} Scripted\r\ncontent-length: {}\r\n{}\r\n{}", status, body.size(),
                               more_headers, body)};
}

ScriptedServer::ScriptedServer(Script script, const std::string& unix_socket)
    : script_(std::move(script)),
      listener_(unix_socket.empty() ? listen_on_loopback(port_) : listen_on_path(unix_socket)),
      accepting_([this] { accept_all(); }) {}

ScriptedServer::~ScriptedServer() {
  ::shutdown(listener_, SHUT_RDWR);  // wakes accept
  accepting_.join();
  ::close(listener_);
  for (const int socket : sockets_) ::shutdown(socket, SHUT_RDWR);
  for (std::thread& thread : threads_) thread.join();
  for (const int socket : sockets_) ::close(socket);
}

std::string ScriptedServer::url() const {
  return fmt::format("http://127.0.0.1:{}", port_);
}

void ScriptedServer::accept_all() {
  for (;;) {
    const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (socket < 0) return;
    ++num_connections_;
    sockets_.push_back(socket);
    threads_.emplace_back([this, socket] { serve(socket); });
  }
}

void ScriptedServer::serve(int socket) {
  std::string received;
  for (;;) {
    std::size_t end = 0;
    while ((end = received.find("\r\n\r\n")) == std::string::npos) {
      if (!receive(socket, received)) return;
    }
    ScriptedRequest request;
    request.head = received.substr(0, end + 4);
    received.erase(0, end + 4);
    const std::size_t body_size = content_length(request.head);
    while (received.size() < body_size) {
      if (!receive(socket, received)) return;
    }
    request.body = received.substr(0, body_size);
    received.erase(0, body_size);
    request.number = num_requests_++;
    const ScriptedAnswer answer = script_(request);
    if (!(answer.drip ? send_slowly(socket, answer.bytes) : send_all(socket, answer.bytes))) return;
    if (answer.hold) {
      while (receive(socket, received)) {
      }
    }
    if (answer.close || answer.hold) {
      ::shutdown(socket, SHUT_RDWR);
      return;
    }
  }
}

}  // namespace rerank
