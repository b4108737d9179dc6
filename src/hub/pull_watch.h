// The thread that shows how far a pull is, passes on what it has to say, and hears when it is to end.
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
  // Shows what is left to show.
  ~PullWatch();
  PullWatch(const PullWatch&) = delete;
  PullWatch& operator=(const PullWatch&) = delete;

  // Of the pull: requested when on_progress says no.
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
