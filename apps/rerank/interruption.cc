#include "apps/rerank/interruption.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>

#include "apps/rerank/command.h"

namespace rerank::cli {
namespace {

std::atomic<bool> signalled{false};
std::atomic<bool> end_at_once{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler touches these");

extern "C" void on_signal(int) {
  if (signalled.exchange(true) || end_at_once.load()) _exit(kStopped);
}

}  // namespace

void install_interruption() {
  struct sigaction action = {};
  action.sa_handler = on_signal;
  sigemptyset(&action.sa_mask);
  action.sa_flags = 0;  // no SA_RESTART: a read that waits for input returns
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  action.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &action, nullptr);
  sigaction(SIGXFSZ, &action, nullptr);
}

bool interrupted() {
  return signalled.load();
}

void stop_if_interrupted() {
  if (interrupted()) throw Interrupted{};
}

EndAtOnce::EndAtOnce() {
  end_at_once = true;
  stop_if_interrupted();
}

EndAtOnce::~EndAtOnce() {
  end_at_once = false;
}

}  // namespace rerank::cli
