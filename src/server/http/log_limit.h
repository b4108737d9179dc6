// Limits the log lines that clients can cause.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>

namespace rerank {

// Safe from any thread.
class LogLimit {
 public:
  static constexpr int kMaxLines = 10;  // in each kPeriod
  static constexpr std::chrono::seconds kPeriod{10};

  // If another line may be written at `now`: the number of lines dropped since the last one.
  std::optional<std::int64_t> admit(std::chrono::steady_clock::time_point now) {
    const std::lock_guard lock(mutex_);
    if (now - began_ >= kPeriod) {
      began_ = now;
      num_lines_ = 0;
    }
    if (num_lines_ >= kMaxLines) {
      ++num_left_out_;
      return std::nullopt;
    }
    ++num_lines_;
    const std::int64_t num_left_out = num_left_out_;
    num_left_out_ = 0;
    return num_left_out;
  }

 private:
  std::mutex mutex_;
  std::chrono::steady_clock::time_point began_;
  int num_lines_ = 0;
  std::int64_t num_left_out_ = 0;
};

}  // namespace rerank
