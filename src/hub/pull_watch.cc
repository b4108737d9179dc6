#include "hub/pull_watch.h"

#include <chrono>

#include "http/retry_policy.h"

namespace rerank {

PullWatch::PullWatch(const PullEvents& events, const DownloadProgress& progress)
    : events_(events), progress_(progress) {
  thread_ = std::jthread([this](const std::stop_token& end) {
    constexpr std::chrono::milliseconds kPeriod{100};
    while (sleep_for(kPeriod, end)) show();
    show();
  });
}

PullWatch::~PullWatch() = default;

void PullWatch::notice(const std::string& text) {
  const std::lock_guard lock(mutex_);
  notices_.push_back(text);
}

void PullWatch::show() {
  std::vector<std::string> texts;
  {
    const std::lock_guard lock(mutex_);
    texts.swap(notices_);
  }
  if (events_.on_notice) {
    for (const std::string& text : texts) events_.on_notice(text);
  }
  const PullProgress now{progress_.total_bytes, progress_.done_bytes, progress_.verified_bytes};
  if (events_.on_progress && !events_.on_progress(now)) stop_.request_stop();
}

}  // namespace rerank
