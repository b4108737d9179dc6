// Admission control: how much work may be queued, and how long rejected clients should wait, from measured
// rates.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>

#include "rerank/types.h"

namespace rerank {

// The work of a request, known before it is tokenized.
struct Load {
  std::int64_t num_documents = 0;
  std::int64_t num_bytes = 0;  // of texts, up to about where they are truncated

  // `max_model_len` limits how much of a text counts.
  void add(const Request& request, std::int32_t max_model_len);
};

// Safe from any thread.
class Admission {
 public:
  using Clock = std::chrono::steady_clock;

  Admission(std::int64_t max_documents, std::int64_t max_tokens)
      : max_documents_(max_documents), max_tokens_(max_tokens) {}

  // Empty: admitted, and leave() must follow. Otherwise the time until there should be room. A request larger
  // than the limits is admitted alone; small requests have an additional eighth of the limits, so that large
  // ones do not lock them out.
  std::optional<std::chrono::seconds> enter(const Load& load, Clock::time_point now = Clock::now());
  // `num_tokens`: computed for it; 0: it was not completed.
  void leave(const Load& load, std::int64_t num_tokens, Clock::time_point now = Clock::now());

  std::int64_t num_documents() const;
  std::int64_t num_tokens() const;   // estimated
  double tokens_per_second() const;  // 0: not measured yet

 private:
  std::int64_t estimate(std::int64_t num_bytes) const;
  // Whether it is a small share of both limits, with the current ratio of tokens to bytes.
  bool is_small(const Load& load) const;
  // An exponential decay; counts the time since the last change if there was work.
  void pass_time(Clock::time_point now);

  const std::int64_t max_documents_;
  const std::int64_t max_tokens_;
  mutable std::mutex mutex_;
  std::int64_t num_requests_ = 0;
  std::int64_t num_documents_ = 0;
  std::int64_t num_bytes_ = 0;
  Load small_;                    // the part of small requests
  double tokens_per_byte_ = 0.3;  // of English; updated by measurement
  // Sums in which older values have less weight.
  double recent_tokens_ = 0;
  double recent_seconds_ = 0;
  Clock::time_point last_change_;
};

}  // namespace rerank
