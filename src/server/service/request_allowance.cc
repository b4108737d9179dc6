#include "server/service/request_allowance.h"

#include <algorithm>
#include <chrono>

#include "api/api_error.h"

namespace rerank {
namespace {

constexpr std::chrono::seconds kWait{1};  // about the time to read a body or write a reply

}  // namespace

void RequestAllowance::take(std::size_t bytes) {
  if (charge_.add(bytes)) return;
  const auto limit = static_cast<std::size_t>(budget_.limit_bytes());
  if (bytes > limit || charge_.bytes() > limit - bytes) throw api::memory_too_small(limit);
  metrics_.count_rejected("memory_full");
  throw api::memory_full(kWait);
}

void RequestAllowance::give_back(std::size_t bytes) {
  keep(charge_.bytes() - std::min(bytes, charge_.bytes()));
}

void RequestAllowance::keep(std::size_t bytes) {
  static_cast<void>(charge_.resize(std::min(bytes, charge_.bytes())));
}

}  // namespace rerank
