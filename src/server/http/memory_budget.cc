#include "server/http/memory_budget.h"

namespace rerank {

bool MemoryBudget::take(std::int64_t more, bool is_small) {
  const std::int64_t limit = is_small ? limit_ + limit_ / 8 : limit_;
  std::int64_t used = used_;
  do {
    if (more > 0 && (used > limit || more > limit - used)) return false;
  } while (!used_.compare_exchange_weak(used, used + more));
  return true;
}

MemoryCharge& MemoryCharge::operator=(MemoryCharge&& other) noexcept {
  if (this == &other) return *this;
  clear();
  budget_ = other.budget_;
  bytes_ = std::exchange(other.bytes_, 0);
  return *this;
}

bool MemoryCharge::resize(std::size_t bytes) {
  const auto wanted = static_cast<std::int64_t>(bytes);
  if (budget_ != nullptr && !budget_->take(wanted - bytes_, bytes <= MemoryBudget::kSmallChargeBytes)) {
    return false;
  }
  bytes_ = wanted;
  return true;
}

void MemoryCharge::clear() {
  if (budget_ != nullptr) budget_->take(-bytes_, true);
  bytes_ = 0;
}

}  // namespace rerank
