#include "load/target.h"

#include <fmt/format.h>

#include <future>
#include <utility>

namespace rerank::load {

std::string failure_name(const Outcome& outcome) {
  switch (outcome.failure) {
    case Failure::kNone:
      return "";
    case Failure::kConnect:
      return "no connection";
    case Failure::kLost:
      return "connection lost";
    case Failure::kTimeout:
      return "timeout";
    case Failure::kStatus:
      return fmt::format("HTTP {}", outcome.status);
    case Failure::kReply:
      return "wrong reply";
    case Failure::kRefused:
      return "refused";
    case Failure::kAborted:
      return "aborted";
  }
  return "";
}

Outcome send_and_wait(Target& target, const Job& job) {
  std::promise<Outcome> promise;
  target.send(job, [&promise](Outcome outcome) { promise.set_value(std::move(outcome)); });
  return promise.get_future().get();
}

}  // namespace rerank::load
