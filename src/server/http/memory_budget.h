// The memory limit of all requests together. Everything whose size depends on client data (bodies, their
// decompressed form, texts, replies) is charged here before it is allocated.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace rerank {

// Safe from any thread.
class MemoryBudget {
 public:
  // Charges up to this size may use a reserve of an eighth of the budget, so that large requests do not lock
  // out small ones.
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

// The charge of one request; released when destroyed. Not safe from several threads at once.
class MemoryCharge {
 public:
  MemoryCharge() = default;  // without a budget: everything fits
  // `budget` must outlive it.
  explicit MemoryCharge(MemoryBudget& budget) : budget_(&budget) {}
  MemoryCharge(MemoryCharge&& other) noexcept
      : budget_(other.budget_), bytes_(std::exchange(other.bytes_, 0)) {}
  MemoryCharge& operator=(MemoryCharge&& other) noexcept;
  ~MemoryCharge() { clear(); }

  // Changes the charge to `bytes` in total. Returns false and changes nothing if the budget has no room;
  // shrinking always succeeds.
  [[nodiscard]] bool resize(std::size_t bytes);
  [[nodiscard]] bool add(std::size_t bytes) { return resize(this->bytes() + bytes); }
  // Returns false if `bytes` exceeds the whole budget.
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
