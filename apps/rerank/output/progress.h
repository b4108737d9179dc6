// A progress line on standard error, if that is a terminal.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace rerank::cli {

class Progress {
 public:
  // `noun` is what is counted, in the plural: "pairs".
  explicit Progress(std::string noun);
  // Erases the line.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // `done` of them so far, which is `fraction` of the whole; negative: not known. Cheap: draws ten times a
  // second.
  void update(std::int64_t done, double fraction);
  // Erases the line until the next update, to make room for a message.
  void clear();

 private:
  using Clock = std::chrono::steady_clock;

  std::string noun_;
  bool enabled_;
  bool shown_ = false;
  bool started_ = false;
  Clock::time_point start_;
  Clock::time_point drawn_;
  std::int64_t done_at_start_ = 0;  // what an earlier run did, kept out of the rate
  double fraction_at_start_ = 0;
};

// "45 s", "3 min 05 s", "2 h 10 min".
std::string duration_text(double seconds);

}  // namespace rerank::cli
