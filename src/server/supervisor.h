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

  // Lines of NAME=VALUE, such as "READY=1". Nothing happens where nobody listens.
  void tell(std::string_view lines) const;
  // How often "WATCHDOG=1" must be told: half the time after which the service would be restarted. None: no
  // watchdog.
  std::optional<std::chrono::microseconds> watchdog_interval() const { return watchdog_interval_; }

 private:
  std::string socket_path_;  // empty: nobody listens; the first letter "@": an abstract name
  std::optional<std::chrono::microseconds> watchdog_interval_;
};

}  // namespace rerank
