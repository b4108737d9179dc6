#include "server/http/request_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/ascii.h"
#include "rerank/error.h"

namespace rerank {
namespace {

constexpr std::size_t kFirstBodyBytes = std::size_t{256}
                                        << 10;  // the most that is allocated up front for a Content-Length
constexpr std::size_t kFirstChunkedBytes = std::size_t{4} << 10;
constexpr std::size_t kFreeHeadBytes = std::size_t{1}
                                       << 10;  // of a head; each connection costs as much anyway
constexpr std::size_t kMaxRequestLineBytes = kMaxMethodBytes + kMaxTargetBytes + 16;

bool may_have_body(std::string_view method) {
  return method != "GET" && method != "HEAD" && method != "OPTIONS";
}

}  // namespace

RequestReader::RequestReader(std::size_t max_header_bytes, std::size_t max_body_bytes, MemoryCharge charge)
    : max_header_bytes_(max_header_bytes), max_body_bytes_(max_body_bytes), charge_(std::move(charge)) {}

void RequestReader::set_origin(std::string peer, std::chrono::steady_clock::time_point received) {
  request_.peer = std::move(peer);
  request_.received = received;
}

std::size_t RequestReader::feed(std::string_view bytes) {
  if (progress_ == Progress::kHead) return feed_head(bytes);
  if (progress_ == Progress::kBody) return feed_body(bytes);
  return 0;
}

std::size_t RequestReader::feed_head(std::string_view bytes) {
  std::size_t consumed = 0;
  while (progress_ == Progress::kHead) {
    const std::string_view rest = bytes.substr(consumed);
    const std::size_t newline = rest.find('\n', std::min(num_searched_bytes_, rest.size()));
    const std::size_t line = std::min(newline, rest.size());
    // The error does not depend on how the bytes are split: it is the first one that reading byte by byte
    // would find.
    if (!has_request_line_ && !rest.empty() && !is_token_letter(rest.front())) {
      fail({400, "not an HTTP/1.1 request: the request line does not begin with a method"});
    } else if (!has_request_line_ && line > kMaxRequestLineBytes &&
               kMaxRequestLineBytes < max_header_bytes_) {
      fail({414, fmt::format("the request target is longer than {} bytes", kMaxTargetBytes)});
    } else if (num_head_bytes_ + line > max_header_bytes_) {
      fail({431, fmt::format("the request's headers are longer than {} bytes", max_header_bytes_)});
    } else if (newline == std::string_view::npos) {
      num_searched_bytes_ = rest.size();
      break;
    } else if (newline == 0 || rest[newline - 1] != '\r') {
      fail({400, "a line of the request head does not end with CRLF"});
    } else {
      consumed += newline + 1;
      num_head_bytes_ += newline + 1;
      num_searched_bytes_ = 0;
      take_line(rest.substr(0, newline - 1));
    }
  }
  return consumed;
}

void RequestReader::take_line(std::string_view line) {
  std::optional<RequestFault> fault;
  if (!std::exchange(has_request_line_, true)) {
    fault = read_request_line(line, request_, framing_);
  } else if (line.empty()) {
    return end_head();
  } else if (request_.headers.size() == kMaxFields) {
    fault = RequestFault{431, fmt::format("the request has more than {} header fields", kMaxFields)};
  } else {
    fault = read_field_line(line, &request_);
  }
  if (fault) return fail(std::move(*fault));
  hold(0);
}

void RequestReader::end_head() {
  if (auto fault = read_framing(request_, framing_)) return fail(std::move(*fault));
  if (framing_.body_bytes > max_body_bytes() || !charge_.fits_alone(framing_.body_bytes)) {
    return fail(too_large());
  }
  if (framing_.is_chunked) chunks_.emplace(max_body_bytes(), max_header_bytes_);
  progress_ = framing_.is_chunked || framing_.body_bytes > 0 ? Progress::kBody : Progress::kDone;
}

// Methods that only request something have no body: it would be held for nothing.
std::size_t RequestReader::max_body_bytes() const {
  return may_have_body(request_.method) ? max_body_bytes_ : 0;
}

RequestFault RequestReader::too_large() const {
  const std::size_t limit = max_body_bytes();
  if (limit == 0) return {413, fmt::format("a {} request may not have a body", request_.method)};
  if (!charge_.fits_alone(limit)) return {413, "the request exceeds the memory limit of this server"};
  return {413, fmt::format("the request body is longer than {} bytes", limit)};
}

std::size_t RequestReader::feed_body(std::string_view bytes) {
  if (!chunks_) {
    const std::string_view data = bytes.substr(0, std::min<std::uint64_t>(*remaining_bytes(), bytes.size()));
    if (!hold_body(data)) return 0;
    if (received_bytes_ == framing_.body_bytes) progress_ = Progress::kDone;
    return data.size();
  }
  std::size_t consumed = 0;
  while (consumed < bytes.size() && progress_ == Progress::kBody) {
    const ChunkedBody::Step step = chunks_->take(bytes.substr(consumed));
    consumed += step.consumed;
    if (chunks_->is_too_large()) {
      fail(too_large());
    } else if (chunks_->fault()) {
      fail(*chunks_->fault());
    } else if (hold_body(step.data) && chunks_->is_done()) {
      progress_ = Progress::kDone;
    }
  }
  return consumed;
}

bool RequestReader::hold_body(std::string_view data) {
  received_bytes_ += data.size();
  if (is_discarding_ || data.empty()) return true;
  const std::size_t wanted = body_.size() + data.size();
  if (wanted > body_.capacity() && !grow_body(wanted)) return false;
  body_.append(data);
  return true;
}

// Doubles, so that each byte is moved about once; if there is no room for that, takes only what is needed.
bool RequestReader::grow_body(std::size_t wanted) {
  const std::size_t most = chunks_ ? max_body_bytes() : static_cast<std::size_t>(framing_.body_bytes);
  const std::size_t first = std::min(most, chunks_ ? kFirstChunkedBytes : kFirstBodyBytes);
  const std::size_t doubled = std::min(most, 2 * body_.capacity());
  std::size_t capacity = std::max({wanted, first, doubled});
  if (!charge_.fits_alone(capacity)) capacity = wanted;
  if (!hold(capacity)) return false;
  // reserve() may allocate up to twice the requested size.
  std::string grown;
  grown.reserve(capacity);
  grown.append(body_);
  body_ = std::move(grown);
  return true;
}

// Charges for the head and a body of this capacity; fails the request if the budget has no room.
bool RequestReader::hold(std::size_t body_capacity) {
  const std::size_t head = num_head_bytes_ + request_.headers.size() * sizeof(HttpHeader);
  const std::size_t bytes = std::max(head, kFreeHeadBytes) - kFreeHeadBytes + body_capacity;
  if (bytes == charge_.bytes() || charge_.resize(bytes)) return true;
  if (charge_.fits_alone(bytes)) {
    fail({429, "too many large requests are being received; try again soon"});
  } else {
    fail(too_large());
  }
  return false;
}

void RequestReader::fail(RequestFault fault) {
  progress_ = Progress::kFailed;
  fault_ = std::move(fault);
}

HttpRequest RequestReader::take() {
  check(progress_ == Progress::kDone, "take() before the request is complete");
  request_.body = std::move(body_);
  request_.charge = std::move(charge_);
  return std::move(request_);
}

bool RequestReader::expects_continue() const {
  return !is_http_1_0() && equal_in_any_case(request_.header("Expect"), "100-continue");
}

std::optional<std::uint64_t> RequestReader::remaining_bytes() const {
  if (chunks_ && progress_ != Progress::kDone) return std::nullopt;
  return chunks_ ? 0 : framing_.body_bytes - received_bytes_;
}

}  // namespace rerank
