#include "apps/rerank/output/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

#include "apps/rerank/output/terminal_text.h"

namespace rerank::cli {
namespace {

constexpr std::chrono::milliseconds kRedrawEvery{100};
constexpr double kSecondsBeforeRate = 0.5;  // an earlier rate would mean little

}  // namespace

Progress::Progress(std::string noun) : noun_(std::move(noun)), enabled_(is_terminal(STDERR_FILENO)) {}

Progress::~Progress() {
  clear();
}

void Progress::update(std::int64_t done, double fraction) {
  if (!enabled_) return;
  const Clock::time_point now = Clock::now();
  if (!started_) {
    started_ = true;
    start_ = now;
    done_at_start_ = done;
    fraction_at_start_ = std::max(0.0, fraction);
  } else if (now - drawn_ < kRedrawEvery) {
    return;
  }
  drawn_ = now;

  const double seconds = std::chrono::duration<double>(now - start_).count();
  std::string text = fmt::format("{} {}", done, noun_);
  if (seconds > kSecondsBeforeRate) {
    text += fmt::format(", {:.1f}/s", static_cast<double>(done - done_at_start_) / seconds);
  }
  if (fraction >= 0) {
    text += fmt::format(", {:.0f}%", 100 * fraction);
    if (seconds > kSecondsBeforeRate && fraction > fraction_at_start_) {
      text += ", " + duration_text(seconds * (1 - fraction) / (fraction - fraction_at_start_)) + " left";
    }
  }
  fmt::print(stderr, "\r\x1b[K{}", clipped(text, std::max(1, terminal_width(STDERR_FILENO) - 1)));
  std::fflush(stderr);
  shown_ = true;
}

void Progress::clear() {
  if (!shown_) return;
  std::fputs("\r\x1b[K", stderr);
  std::fflush(stderr);
  shown_ = false;
}

std::string duration_text(double seconds) {
  const auto whole = std::llround(seconds);
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} min", whole / 3600, whole % 3600 / 60);
}

}  // namespace rerank::cli
