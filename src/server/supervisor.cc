#include "server/supervisor.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <system_error>

namespace rerank {
namespace {

constexpr timeval kPatience{5, 0};

std::optional<std::int64_t> number_in(const char* variable) {
  const char* const text = getenv(variable);
  std::int64_t value = 0;
  if (text == nullptr || std::from_chars(text, text + std::strlen(text), value).ec != std::errc())
    return std::nullopt;
  return value;
}

}  // namespace

Supervisor::Supervisor() {
  if (const char* const path = getenv("NOTIFY_SOCKET"); path != nullptr) socket_path_ = path;
  const auto microseconds = number_in("WATCHDOG_USEC");
  const auto pid = number_in("WATCHDOG_PID");
  if (microseconds && *microseconds > 0 && (!pid || *pid == getpid())) {
    watchdog_interval_ = std::chrono::microseconds(*microseconds / 2);
  }
}

void Supervisor::tell(std::string_view lines) const {
  send(lines, 0);
}

void Supervisor::tell_alive() const {
  send("WATCHDOG=1", MSG_DONTWAIT);
}

void Supervisor::send(std::string_view lines, int flags) const {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (socket_path_.empty() || socket_path_.size() >= sizeof(address.sun_path)) return;
  std::memcpy(address.sun_path, socket_path_.data(), socket_path_.size());
  if (socket_path_.front() == '@') address.sun_path[0] = '\0';
  const int descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return;
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket_path_.size());
  (void)setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof(kPatience));
  // If the supervisor does not listen, there is nothing to do.
  (void)sendto(descriptor, lines.data(), lines.size(), MSG_NOSIGNAL | flags,
               reinterpret_cast<const sockaddr*>(&address), size);
  close(descriptor);
}

}  // namespace rerank
