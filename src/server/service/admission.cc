#include "server/service/admission.h"

#include <algorithm>
#include <cmath>

namespace rerank {
namespace {

constexpr double kMemorySeconds = 30;      // the time span of the measured rate
constexpr double kNewestShare = 0.05;      // weight of one request in the tokens per byte
constexpr std::int64_t kPromptBytes = 32;  // of a document besides its text: about ten tokens
constexpr std::int64_t kMostBytesPerToken = 8;
constexpr double kLongestWaitSeconds = 60;
constexpr std::int64_t kSmallPart = 256;  // of the limits: 78 documents, about 30 KB, by default
constexpr std::int64_t kReservePart = 8;

}  // namespace

void Load::add(const Request& request, std::int32_t max_model_len) {
  const std::int64_t longest = kMostBytesPerToken * max_model_len;
  const auto size = [longest](const std::string& text) {
    return std::min(static_cast<std::int64_t>(text.size()), longest);
  };
  num_bytes += size(request.instruction);
  if (request.queries.empty()) num_bytes += size(request.query);
  for (std::size_t i = 0; i < request.queries.size(); ++i) {
    // Consecutive equal ones are computed once.
    if (i == 0 || request.queries[i] != request.queries[i - 1]) num_bytes += size(request.queries[i]);
  }
  for (const std::string& document : request.documents) num_bytes += size(document) + kPromptBytes;
  num_documents += static_cast<std::int64_t>(request.documents.size());
}

std::optional<std::chrono::seconds> Admission::enter(const Load& load, Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  const std::int64_t too_many_documents = num_documents_ + load.num_documents - max_documents_;
  const std::int64_t too_many_tokens = estimate(num_bytes_ + load.num_bytes) - max_tokens_;
  const bool has_reserve = is_small(load) &&
                           small_.num_documents + load.num_documents <= max_documents_ / kReservePart &&
                           estimate(small_.num_bytes + load.num_bytes) <= max_tokens_ / kReservePart;
  if (num_requests_ > 0 && (too_many_documents > 0 || too_many_tokens > 0) && !has_reserve) {
    const double rate = recent_seconds_ > 0 ? recent_tokens_ / recent_seconds_ : 0;
    const double tokens_per_document = static_cast<double>(estimate(num_bytes_)) /
                                       static_cast<double>(std::max<std::int64_t>(num_documents_, 1));
    const double excess = std::max(static_cast<double>(too_many_tokens),
                                   static_cast<double>(too_many_documents) * tokens_per_document);
    const double wait = rate > 0 ? std::ceil(excess / rate) : 1;
    return std::chrono::seconds(static_cast<std::int64_t>(std::clamp(wait, 1.0, kLongestWaitSeconds)));
  }
  pass_time(now);
  ++num_requests_;
  num_documents_ += load.num_documents;
  num_bytes_ += load.num_bytes;
  if (is_small(load)) {
    small_.num_documents += load.num_documents;
    small_.num_bytes += load.num_bytes;
  }
  return std::nullopt;
}

void Admission::leave(const Load& load, std::int64_t num_tokens, Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  pass_time(now);
  --num_requests_;
  num_documents_ -= load.num_documents;
  num_bytes_ -= load.num_bytes;
  if (is_small(load)) {
    small_.num_documents -= load.num_documents;
    small_.num_bytes -= load.num_bytes;
  }
  if (num_tokens == 0 || load.num_bytes == 0) return;
  recent_tokens_ += static_cast<double>(num_tokens);
  const double ratio = static_cast<double>(num_tokens) / static_cast<double>(load.num_bytes);
  tokens_per_byte_ += kNewestShare * (ratio - tokens_per_byte_);
}

std::int64_t Admission::num_documents() const {
  const std::lock_guard lock(mutex_);
  return num_documents_;
}

std::int64_t Admission::num_tokens() const {
  const std::lock_guard lock(mutex_);
  return estimate(num_bytes_);
}

double Admission::tokens_per_second() const {
  const std::lock_guard lock(mutex_);
  return recent_seconds_ > 0 ? recent_tokens_ / recent_seconds_ : 0;
}

std::int64_t Admission::estimate(std::int64_t num_bytes) const {
  return static_cast<std::int64_t>(tokens_per_byte_ * static_cast<double>(num_bytes));
}

bool Admission::is_small(const Load& load) const {
  return load.num_documents <= max_documents_ / kSmallPart && load.num_bytes <= max_tokens_ / kSmallPart;
}

void Admission::pass_time(Clock::time_point now) {
  if (num_requests_ > 0) {
    const double seconds = std::chrono::duration<double>(now - last_change_).count();
    const double kept = std::exp(-seconds / kMemorySeconds);
    recent_tokens_ *= kept;
    recent_seconds_ = recent_seconds_ * kept + seconds;
  }
  last_change_ = now;
}

}  // namespace rerank
