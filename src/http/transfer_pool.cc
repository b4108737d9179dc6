#include "http/transfer_pool.h"

namespace rerank {

TransferPool::TransferPool(TransferOptions options, std::size_t max_idle)
    : options_(std::move(options)), max_idle_(max_idle) {}

TransferReply TransferPool::perform(const TransferRequest& request, const std::stop_token& stop) {
  Transfer transfer = take();
  TransferReply reply = transfer.perform(request, stop);
  give_back(std::move(transfer));
  return reply;
}

Transfer TransferPool::take() {
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      Transfer transfer = std::move(idle_.back());
      idle_.pop_back();
      return transfer;
    }
  }
  return Transfer(options_);
}

void TransferPool::give_back(Transfer transfer) {
  const std::lock_guard lock(mutex_);
  if (idle_.size() < max_idle_) idle_.push_back(std::move(transfer));
}

}  // namespace rerank
