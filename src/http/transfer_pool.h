// A pool of Transfers, so that threads share open connections.
#pragma once

#include <mutex>
#include <vector>

#include "http/transfer.h"

namespace rerank {

// Safe from any thread. It does not limit the number of concurrent exchanges.
class TransferPool {
 public:
  // Keeps at most `max_idle` transfers that are not in use.
  TransferPool(TransferOptions options, std::size_t max_idle);

  // As Transfer::perform, on the most recently used transfer. One that failed is discarded.
  TransferReply perform(const TransferRequest& request, const std::stop_token& stop = {});

 private:
  Transfer take();
  void give_back(Transfer transfer);

  const TransferOptions options_;
  const std::size_t max_idle_;
  std::mutex mutex_;
  std::vector<Transfer> idle_;  // the most recently used one last
};

}  // namespace rerank
