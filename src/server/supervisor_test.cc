#include "server/supervisor.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstring>
#include <string>
#include <thread>

namespace rerank {
namespace {

// An abstract Unix datagram socket, like systemd's, named in the environment.
class Listener {
 public:
  Listener() : descriptor_(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    const std::string name = "@rerank-supervisor-test-" + std::to_string(getpid());
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path + 1, name.data() + 1, name.size() - 1);
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    EXPECT_EQ(bind(descriptor_, reinterpret_cast<sockaddr*>(&address), size), 0);
    setenv("NOTIFY_SOCKET", name.c_str(), 1);
  }
  ~Listener() {
    close(descriptor_);
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
  }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  std::string heard() const {
    std::array<char, 1000> text{};
    const ssize_t size = recv(descriptor_, text.data(), text.size(), MSG_DONTWAIT);
    return size < 0 ? "(nothing)" : std::string(text.data(), static_cast<std::size_t>(size));
  }

 private:
  int descriptor_;
};

TEST(Supervisor, IsTold) {
  const Listener listener;
  const Supervisor supervisor;
  supervisor.tell("READY=1\nSTATUS=Ready.");
  EXPECT_EQ(listener.heard(), "READY=1\nSTATUS=Ready.");
  EXPECT_EQ(supervisor.watchdog_interval(), std::nullopt);
}

// As while a large model is loaded and the supervisor is busy: only messages that may be lost are dropped.
TEST(Supervisor, IsToldAlthoughItsQueueIsFull) {
  const Listener listener;
  const Supervisor supervisor;
  for (int index = 0; index < 2000; ++index) supervisor.tell_alive();
  std::jthread busy([&] { supervisor.tell("READY=1"); });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  std::string heard;
  for (int tries = 0; tries < 5000 && heard != "READY=1"; ++tries) {
    heard = listener.heard();
    if (heard == "(nothing)") std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_EQ(heard, "READY=1");
}

TEST(Supervisor, MayBeAbsent) {
  unsetenv("NOTIFY_SOCKET");
  Supervisor().tell("READY=1");
  setenv("NOTIFY_SOCKET", "/nonexistent/socket", 1);
  Supervisor().tell("READY=1");
  setenv("NOTIFY_SOCKET", ("/" + std::string(500, 'x')).c_str(), 1);
  Supervisor().tell("READY=1");
  unsetenv("NOTIFY_SOCKET");
}

TEST(Supervisor, WatchdogIsForThisProcessOnly) {
  const Listener listener;
  setenv("WATCHDOG_USEC", "3000000", 1);
  EXPECT_EQ(Supervisor().watchdog_interval(), std::chrono::microseconds(1'500'000));
  setenv("WATCHDOG_PID", std::to_string(getpid()).c_str(), 1);
  EXPECT_EQ(Supervisor().watchdog_interval(), std::chrono::microseconds(1'500'000));
  setenv("WATCHDOG_PID", "1", 1);
  EXPECT_EQ(Supervisor().watchdog_interval(), std::nullopt);
}

}  // namespace
}  // namespace rerank
