// What a service tells systemd, if systemd started it: ready, alive, ending. The protocol is a line in a
// datagram, so no library is needed.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace rerank {

class Supervisor {
 public:
  // Looks at NOTIFY_SOCKET and WATCHDOG_USEC.
  Supervisor();

  // Lines of NAME=VALUE, such as "READY=1". Waits up to five seconds where the supervisor's queue is full,
  // which ten messages do; nothing happens where nobody listens.
  void tell(std::string_view lines) const;
  // "WATCHDOG=1". Waits for nothing: in a full queue there are such signs already.
  void tell_alive() const;
  // How often to tell_alive(): half the time after which the service would be restarted. None: no
  // watchdog.
  std::optional<std::chrono::microseconds> watchdog_interval() const { return watchdog_interval_; }

 private:
  void send(std::string_view lines, int flags) const;

  std::string socket_path_;  // empty: nobody listens; the first letter "@": an abstract name
  std::optional<std::chrono::microseconds> watchdog_interval_;
};

}  // namespace rerank
