// Ctrl-C and SIGTERM: the first one asks the program to end cleanly, the second ends it at once.
#pragma once

#include <chrono>

namespace rerank::cli {

// How soon a command that waits notices a signal at the latest; what it waits for it notices at once.
constexpr std::chrono::milliseconds kSignalDelay{50};

// Thrown where the program notices that it was interrupted. No std::exception, so that nothing takes it for
// an error on its way to main.
struct Interrupted {};

// Installs the handlers of SIGINT and SIGTERM, and turns SIGPIPE into an error of write(). Call once, first
// in main.
void install_interruption();

// True after the first signal.
bool interrupted();

// Throws Interrupted after the first signal.
void stop_if_interrupted();

// While one lives, already the first signal ends the process at once: for calls that can't be asked to stop
// and leave nothing behind.
class EndAtOnce {
 public:
  EndAtOnce();
  ~EndAtOnce();
  EndAtOnce(const EndAtOnce&) = delete;
  EndAtOnce& operator=(const EndAtOnce&) = delete;
};

}  // namespace rerank::cli
