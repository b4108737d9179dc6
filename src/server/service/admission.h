// How much may wait at once, and how long one who is turned away should wait: measured, not guessed.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>

#include "rerank/types.h"

namespace rerank {

// What a request asks for, known before any of it is tokenized.
struct Load {
  std::int64_t num_documents = 0;
  std::int64_t num_bytes = 0;  // of texts, about as far as they will be read

  // `max_model_len` bounds what of a text is read.
  void add(const Request& request, std::int32_t max_model_len);
};

// Safe from any thread.
class Admission {
 public:
  using Clock = std::chrono::steady_clock;

  Admission(std::int64_t max_documents, std::int64_t max_tokens)
      : max_documents_(max_documents), max_tokens_(max_tokens) {}

  // None: admitted, and leave() must follow. Else how long until there should be room. What is larger than
  // the limits themselves is admitted alone; small requests have an eighth of the limits besides, so that
  // large ones do not lock them out.
  std::optional<std::chrono::seconds> enter(const Load& load, Clock::time_point now = Clock::now());
  // `num_tokens`: that were computed for it; 0: it was not computed to its end.
  void leave(const Load& load, std::int64_t num_tokens, Clock::time_point now = Clock::now());

  std::int64_t num_documents() const;
  std::int64_t num_tokens() const;   // estimated
  double tokens_per_second() const;  // 0: nothing measured yet

 private:
  std::int64_t estimate(std::int64_t num_bytes) const;
  // Of both limits a small part, whatever the ratio of tokens to bytes is by then.
  bool is_small(const Load& load) const;
  // Forgets slowly, and counts the time since the last change if there was something to do.
  void pass_time(Clock::time_point now);

  const std::int64_t max_documents_;
  const std::int64_t max_tokens_;
  mutable std::mutex mutex_;
  std::int64_t num_requests_ = 0;
  std::int64_t num_documents_ = 0;
  std::int64_t num_bytes_ = 0;
  Load small_;                    // of those, what small requests have
  double tokens_per_byte_ = 0.3;  // of English; from then on measured
  // Sums in which older parts weigh less.
  double recent_tokens_ = 0;
  double recent_seconds_ = 0;
  Clock::time_point last_change_;
};

}  // namespace rerank
