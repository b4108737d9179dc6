// A thread that reports the progress and the messages of a pull, and stops it on request.
#pragma once

#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "hub/download.h"
#include "hub/pull.h"

namespace rerank {

class PullWatch {
 public:
  // `events` and `progress` must outlive it.
  PullWatch(const PullEvents& events, const DownloadProgress& progress);
  // Shows the remaining messages.
  ~PullWatch();
  PullWatch(const PullWatch&) = delete;
  PullWatch& operator=(const PullWatch&) = delete;

  // Stops the pull: requested when on_progress returns false.
  std::stop_token token() const { return stop_.get_token(); }
  // From any thread.
  void notice(const std::string& text);

 private:
  void show();

  const PullEvents& events_;
  const DownloadProgress& progress_;
  std::stop_source stop_;
  std::mutex mutex_;
  std::vector<std::string> notices_;
  std::jthread thread_;
};

}  // namespace rerank
