#include "hub/range_fetch.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/shown_text.h"

namespace rerank {
namespace {

constexpr std::chrono::seconds kStallTimeout{30};
constexpr std::int32_t kMaxRedirects = 5;
constexpr std::size_t kMaxRefusalBytes = 4096;
constexpr std::int32_t kWholeFile = 200;
constexpr std::int32_t kPartOfFile = 206;

// Removes a number from the start of `text`.
std::optional<std::uint64_t> take_number(std::string_view& text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

bool take_text(std::string_view& text, std::string_view expected) {
  if (!text.starts_with(expected)) return false;
  text.remove_prefix(expected.size());
  return true;
}

class RangeFetch {
 public:
  RangeFetch(const RangeRequest& request, const HubClient& client,
             const std::function<void(std::uint64_t, std::string_view)>& take,
             const std::function<Error(const TransferReply&)>& refusal)
      : request_(request), client_(client), take_(take), refusal_(refusal), position_(request.range.begin) {}

  RangeOutcome run() {
    HubRetries retries(client_);
    while (position_ < request_.range.end) {
      const std::uint64_t before = position_;
      const std::optional<RetryableFailure> failure = exchange();
      if (ranges_ignored_) return RangeOutcome::kRangesIgnored;
      if (position_ > before) retries.reset();
      if (!failure && position_ > before) continue;  // a server may send less than was requested
      if (position_ == request_.range.end) break;
      retries.wait_after(
          failure.value_or(RetryableFailure{fmt::format("{}: the server sends no data", request_.file), {}}));
    }
    return RangeOutcome::kDone;
  }

 private:
  // One request and its response; empty if it completed.
  std::optional<RetryableFailure> exchange() {
    problem_.clear();
    refusal_text_.clear();
    head_ = {};
    skip_ = 0;
    TransferRequest request;
    request.url = request_.url;
    request.headers = request_.headers;
    if (request_.range.by_range) {
      request.headers.emplace_back("Range", fmt::format("bytes={}-{}", position_, request_.range.end - 1));
    }
    request.stall_timeout = kStallTimeout;
    request.max_redirects = kMaxRedirects;
    request.on_head = [this](const TransferHead& head) { return take_head(head); };
    request.on_body = [this](std::string_view part) { return take_body(part); };
    try {
      (void)client_.pool.perform(request, client_.stop);
      if (!is_refused() && position_ < expected_end_) problem_ = "is incomplete";
    } catch (const TransferError& error) {
      if (error.kind() != TransferError::Kind::kGivenUp) {
        RetryableFailure failure = retryable_failure(error);
        failure.message = fmt::format("{}: {}", request_.file, failure.message);
        return failure;
      }
    }
    if (is_refused()) {
      if (auto failure = client_.retryable_failure(head_)) return failure;
      throw refusal_({.head = head_, .body = refusal_text_});
    }
    if (problem_.empty()) return std::nullopt;
    return RetryableFailure{fmt::format("{}: the response {}", request_.file, problem_), {}};
  }

  bool give_up(std::string problem) {
    problem_ = std::move(problem);
    return false;
  }

  bool is_refused() const { return head_.status != kWholeFile && head_.status != kPartOfFile; }

  bool take_head(const TransferHead& head) {
    head_ = head;
    if (head.status == kPartOfFile) return take_partial_head(head);
    if (head.status != kWholeFile) return true;
    if (request_.range.by_range) {
      ranges_ignored_ = true;
      return false;
    }
    std::string_view length = head.header("content-length");
    if (!length.empty() && take_number(length) != request_.size_bytes) {
      return give_up(fmt::format("has {} bytes, but the hub lists {}",
                                 shown_text(head.header("content-length")), request_.size_bytes));
    }
    skip_ = position_;
    expected_end_ = request_.size_bytes;
    return true;
  }

  bool take_partial_head(const TransferHead& head) {
    const std::string value(head.header("content-range"));
    const std::optional<ContentRange> range = parse_content_range(value);
    const bool fits = request_.range.by_range && range && range->first == position_ &&
                      range->last < request_.range.end &&
                      range->whole_bytes.value_or(request_.size_bytes) == request_.size_bytes;
    if (!fits) {
      return give_up(fmt::format("has the range \"{}\", but {}-{} of {} was requested", shown_text(value),
                                 position_, request_.range.end - 1, request_.size_bytes));
    }
    expected_end_ = range->last + 1;
    return true;
  }

  bool take_body(std::string_view part) {
    if (is_refused()) {
      refusal_text_.append(part.substr(0, kMaxRefusalBytes - refusal_text_.size()));
      return refusal_text_.size() < kMaxRefusalBytes;
    }
    const auto dropped = static_cast<std::size_t>(std::min<std::uint64_t>(skip_, part.size()));
    skip_ -= dropped;
    part.remove_prefix(dropped);
    const bool is_too_long = part.size() > expected_end_ - position_;
    part = part.substr(0, static_cast<std::size_t>(expected_end_ - position_));
    if (!part.empty()) take_(position_, part);
    position_ += part.size();
    if (is_too_long) return give_up("is longer than its headers say");
    return true;
  }

  const RangeRequest& request_;
  const HubClient& client_;
  const std::function<void(std::uint64_t, std::string_view)>& take_;
  const std::function<Error(const TransferReply&)>& refusal_;

  std::uint64_t position_;  // of the next byte
  bool ranges_ignored_ = false;

  // Of the current exchange.
  TransferHead head_;
  std::uint64_t skip_ = 0;          // bytes of the response that are on disk already
  std::uint64_t expected_end_ = 0;  // in the file, of the bytes in the response
  std::string problem_;             // why it was stopped
  std::string refusal_text_;
};

}  // namespace

std::optional<ContentRange> parse_content_range(std::string_view value) {
  ContentRange range;
  if (!take_text(value, "bytes ")) return std::nullopt;
  const std::optional<std::uint64_t> first = take_number(value);
  if (!first || !take_text(value, "-")) return std::nullopt;
  const std::optional<std::uint64_t> last = take_number(value);
  if (!last || !take_text(value, "/") || *last < *first) return std::nullopt;
  range.first = *first;
  range.last = *last;
  if (value == "*") return range;
  range.whole_bytes = take_number(value);
  if (!range.whole_bytes || !value.empty() || range.last >= *range.whole_bytes) return std::nullopt;
  return range;
}

RangeOutcome fetch_range(const RangeRequest& request, const HubClient& client,
                         const std::function<void(std::uint64_t, std::string_view)>& take,
                         const std::function<Error(const TransferReply&)>& refusal) {
  return RangeFetch(request, client, take, refusal).run();
}

}  // namespace rerank
