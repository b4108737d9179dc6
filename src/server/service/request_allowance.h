// The allowance of one request: a charge against the budget of all requests.
#pragma once

#include <cstddef>

#include "api/json/allowance.h"
#include "server/http/memory_budget.h"
#include "server/service/metrics.h"

namespace rerank {

// Not safe from several threads at once. A view: its arguments must outlive it.
class RequestAllowance final : public api::Allowance {
 public:
  RequestAllowance(MemoryCharge& charge, const MemoryBudget& budget, Metrics& metrics)
      : charge_(charge), budget_(budget), metrics_(metrics) {}

  // Throws ApiError with 429 while other requests use the budget, with 413 if it is too small for this
  // request alone.
  void take(std::size_t bytes) override;
  void give_back(std::size_t bytes) override;
  // Shrinks the charge to `bytes` in total.
  void keep(std::size_t bytes);
  std::size_t bytes() const { return charge_.bytes(); }

 private:
  MemoryCharge& charge_;
  const MemoryBudget& budget_;
  Metrics& metrics_;
};

}  // namespace rerank
