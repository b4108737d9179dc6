// What all requests together may make the server hold. Whatever grows with a stranger's bytes (bodies, what
// they inflate to, the texts made of them, replies) is charged here before it is held.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace rerank {

// Safe from any thread.
class MemoryBudget {
 public:
  // Charges up to this size may use a reserve of an eighth of the budget once it is used up, so that large
  // requests do not lock out small ones.
  static constexpr std::size_t kSmallChargeBytes = std::size_t{64} << 10;

  explicit MemoryBudget(std::size_t limit_bytes) : limit_(static_cast<std::int64_t>(limit_bytes)) {}
  MemoryBudget(const MemoryBudget&) = delete;
  MemoryBudget& operator=(const MemoryBudget&) = delete;

  std::int64_t used_bytes() const { return used_; }
  std::int64_t limit_bytes() const { return limit_; }

 private:
  friend class MemoryCharge;

  bool take(std::int64_t more, bool is_small);

  const std::int64_t limit_;
  std::atomic<std::int64_t> used_{0};
};

// What one request holds of a budget; given back when destroyed. Not safe from several threads at once.
class MemoryCharge {
 public:
  MemoryCharge() = default;  // of no budget: everything fits
  // `budget` must outlive it.
  explicit MemoryCharge(MemoryBudget& budget) : budget_(&budget) {}
  MemoryCharge(MemoryCharge&& other) noexcept
      : budget_(other.budget_), bytes_(std::exchange(other.bytes_, 0)) {}
  MemoryCharge& operator=(MemoryCharge&& other) noexcept;
  ~MemoryCharge() { clear(); }

  // From now on `bytes` are held in all. False, and nothing changes, where the budget has no room for more;
  // holding less always succeeds.
  [[nodiscard]] bool resize(std::size_t bytes);
  [[nodiscard]] bool add(std::size_t bytes) { return resize(this->bytes() + bytes); }
  // False where so much would be refused even if nothing else were held.
  bool fits_alone(std::size_t bytes) const {
    return budget_ == nullptr || static_cast<std::int64_t>(bytes) <= budget_->limit_bytes();
  }
  void clear();
  std::size_t bytes() const { return static_cast<std::size_t>(bytes_); }

 private:
  MemoryBudget* budget_ = nullptr;
  std::int64_t bytes_ = 0;
};

}  // namespace rerank
