// Notifies systemd, if it started this service: ready, alive, stopping. The protocol is one datagram per
// message, so no library is needed.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace rerank {

class Supervisor {
 public:
  // Reads NOTIFY_SOCKET and WATCHDOG_USEC.
  Supervisor();

  // Sends lines of NAME=VALUE, such as "READY=1". Waits up to five seconds if the queue of the supervisor is
  // full, which ten messages can do; has no effect if nobody listens.
  void tell(std::string_view lines) const;
  // Sends "WATCHDOG=1" without waiting: a full queue contains such messages already.
  void tell_alive() const;
  // The interval of tell_alive(): half the time after which the service would be restarted. Empty: no
  // watchdog.
  std::optional<std::chrono::microseconds> watchdog_interval() const { return watchdog_interval_; }

 private:
  void send(std::string_view lines, int flags) const;

  std::string socket_path_;  // empty: nobody listens; a leading "@": an abstract socket
  std::optional<std::chrono::microseconds> watchdog_interval_;
};

}  // namespace rerank
