// Transfers lent to whoever needs one, so that threads share connections that stand already.
#pragma once

#include <mutex>
#include <vector>

#include "http/transfer.h"

namespace rerank {

// Safe from any thread. The number of exchanges at a time is its callers'.
class TransferPool {
 public:
  // Of transfers not in use, at most `max_idle` are kept.
  TransferPool(TransferOptions options, std::size_t max_idle);

  // As Transfer::perform, on the transfer used last. One that failed is not kept.
  TransferReply perform(const TransferRequest& request, const std::stop_token& stop = {});

 private:
  Transfer take();
  void give_back(Transfer transfer);

  const TransferOptions options_;
  const std::size_t max_idle_;
  std::mutex mutex_;
  std::vector<Transfer> idle_;  // the one used last at the end
};

}  // namespace rerank
