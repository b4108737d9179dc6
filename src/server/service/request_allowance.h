// The allowance of one request: its charge against the budget that all requests share.
#pragma once

#include <cstddef>

#include "api/json/allowance.h"
#include "server/http/memory_budget.h"
#include "server/service/metrics.h"

namespace rerank {

// Not safe from several threads at once. A view: what it refers to must outlive it.
class RequestAllowance final : public api::Allowance {
 public:
  RequestAllowance(MemoryCharge& charge, const MemoryBudget& budget, Metrics& metrics)
      : charge_(charge), budget_(budget), metrics_(metrics) {}

  // Throws ApiError: 429 while others use the budget, 413 where it is too small for this request alone.
  void take(std::size_t bytes) override;
  void give_back(std::size_t bytes) override;
  // From now on `bytes` are held in all, which must not be more than now.
  void keep(std::size_t bytes);
  std::size_t bytes() const { return charge_.bytes(); }

 private:
  MemoryCharge& charge_;
  const MemoryBudget& budget_;
  Metrics& metrics_;
};

}  // namespace rerank
