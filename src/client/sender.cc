#include "client/sender.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <random>
#include <system_error>
#include <utility>

#include "base/shown_text.h"
#include "client/gzip_body.h"
#include "client/reply.h"

namespace rerank::client {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using Reason = ClientError::Reason;
using Kind = TransferError::Kind;

// Retries only statuses that say that the server has done nothing. max_retries comes from the call.
constexpr RetryPolicy kRetryPolicy{.first_delay = milliseconds(250),
                                   .longest_delay = milliseconds(8'000),
                                   .longest_server_wait = std::chrono::seconds(120),
                                   .jitter = 1,
                                   .retries_server_errors = false};
constexpr std::size_t kWorthCompressing = 1024;
constexpr std::size_t kShownIdBytes = 200;
constexpr std::string_view kKeyHeader = "authorization";

HeaderList fixed_headers(const ClientOptions& options) {
  HeaderList headers = {{"Accept", "application/json"}};
  if (!options.api_key.empty()) headers.emplace_back("Authorization", "Bearer " + options.api_key);
  headers.insert(headers.end(), options.headers.begin(), options.headers.end());
  return headers;
}

bool holds_key(const HeaderList& headers) {
  return std::any_of(headers.begin(), headers.end(), [](const auto& header) {
    return std::equal(header.first.begin(), header.first.end(), kKeyHeader.begin(), kKeyHeader.end(),
                      [](char a, char b) { return (a | 0x20) == (b | 0x20); });
  });
}

const std::string& id_of(const Outgoing& outgoing, const CallContext& context) {
  return outgoing.request_id.empty() ? context.request_id : outgoing.request_id;
}

TransferOptions transfer_options(const ClientOptions& options) {
  return {.connect_timeout = options.connect_timeout,
          .unix_socket = options.unix_socket,
          .ca_file = options.ca_file,
          .certificate_file = options.certificate_file,
          .key_file = options.key_file,
          .verify_tls = options.verify_tls,
          .accept_compressed = options.compress_replies,
          .user_agent = options.user_agent};
}

// Empty: no limit.
std::optional<milliseconds> time_left(const CallContext& context) {
  if (!context.deadline) return std::nullopt;
  return std::chrono::ceil<milliseconds>(*context.deadline - steady_clock::now());
}

std::string attempts_text(std::int32_t num_attempts) {
  return num_attempts > 1 ? fmt::format(" after {} attempts", num_attempts) : "";
}

ClientError::Details details_of(Reason reason, const CallContext& context, std::int32_t num_attempts) {
  return {.reason = reason, .request_id = context.request_id, .num_attempts = num_attempts};
}

ClientError timed_out(const std::string& url, const CallContext& context, std::int32_t num_attempts) {
  return {ErrorCode::kUnavailable,
          fmt::format("{}: no response within the timeout{}", url, attempts_text(num_attempts)),
          details_of(Reason::kTimeout, context, num_attempts)};
}

ClientError cancelled(const std::string& url, const CallContext& context, std::int32_t num_attempts) {
  return {ErrorCode::kUnavailable, url + ": cancelled",
          details_of(Reason::kCancelled, context, num_attempts)};
}

// Whether no part of a response can have been lost and another attempt may succeed.
bool is_worth_retrying(const TransferError& error) {
  return !error.reply_began() &&
         is_transient(error);  // a timeout that leaves the call time is the connect timeout
}

[[noreturn]] void fail(const TransferError& error, const CallContext& context, std::int32_t num_attempts) {
  if (error.kind() == Kind::kRequest) throw Error(ErrorCode::kInvalidArgument, error.what());
  const Reason reason = error.kind() == Kind::kTls         ? Reason::kTls
                        : error.kind() == Kind::kCancelled ? Reason::kCancelled
                        : error.kind() == Kind::kTooLarge  ? Reason::kReply
                                                           : Reason::kConnection;
  throw ClientError(ErrorCode::kUnavailable, error.what() + attempts_text(num_attempts),
                    details_of(reason, context, num_attempts));
}

}  // namespace

// One of the concurrent exchanges; released at the end of the scope.
class Sender::Slot {
 public:
  Slot(Sender& sender, const Outgoing& outgoing, const CallContext& context) : sender_(sender) {
    std::unique_lock lock(sender_.mutex_);
    const auto is_free = [this] { return sender_.num_free_slots_ > 0; };
    const bool is_mine = context.deadline
                             ? sender_.slot_freed_.wait_until(lock, context.stop, *context.deadline, is_free)
                             : sender_.slot_freed_.wait(lock, context.stop, is_free);
    if (!is_mine && context.stop.stop_requested()) throw cancelled(outgoing.url, context, 0);
    if (!is_mine) throw timed_out(outgoing.url, context, 0);
    --sender_.num_free_slots_;
  }
  ~Slot() {
    const std::lock_guard lock(sender_.mutex_);
    ++sender_.num_free_slots_;
    sender_.slot_freed_.notify_one();
  }
  Slot(const Slot&) = delete;
  Slot& operator=(const Slot&) = delete;

 private:
  Sender& sender_;
};

Sender::Sender(const ClientOptions& options)
    : headers_(fixed_headers(options)),
      sends_key_(holds_key(headers_)),
      max_reply_bytes_(options.max_reply_bytes),
      compress_requests_(options.compress_requests),
      pool_(transfer_options(options), static_cast<std::size_t>(options.max_connections)),
      num_free_slots_(options.max_connections) {}

HeaderList Sender::headers_for(const Outgoing& outgoing, const CallContext& context,
                               bool is_compressed) const {
  HeaderList headers = headers_;
  headers.emplace_back("X-Request-Id", id_of(outgoing, context));
  if (!outgoing.body.empty()) headers.emplace_back("Content-Type", "application/json");
  if (is_compressed) headers.emplace_back("Content-Encoding", "gzip");
  if (outgoing.tells_deadline && context.deadline) {
    const auto seconds = std::chrono::duration<double>(*time_left(context)).count();
    headers.emplace_back("X-Request-Timeout", fmt::format("{:.3f}", std::max(seconds, 0.001)));
  }
  return headers;
}

Answer Sender::answer_from(TransferReply reply, const Outgoing& outgoing, const CallContext& context) const {
  Answer answer{.status = reply.head.status, .body = std::move(reply.body), .url = outgoing.url};
  answer.request_id = shown_prose(reply.head.header("x-request-id"), kShownIdBytes);
  if (answer.request_id.empty()) answer.request_id = id_of(outgoing, context);
  const std::string_view location = reply.head.header("location");
  if (answer.status / 100 == 3 && !location.empty()) {
    answer.note = fmt::format("it has moved to {}: use that URL", shown_prose(location));
  }
  if (answer.status == 401 && !sends_key_) answer.note = "no API key was sent: set api_key";
  const std::string_view tokens = reply.head.header("x-compute-tokens");
  std::int64_t count = 0;
  const auto [end, error] = std::from_chars(tokens.data(), tokens.data() + tokens.size(), count);
  if (error == std::errc() && end == tokens.data() + tokens.size()) answer.num_tokens = possible_count(count);
  return answer;
}

Sender::Attempt Sender::attempt(const Outgoing& outgoing, const std::string* compressed,
                                const CallContext& context, std::int32_t number) {
  try {
    const Slot slot(*this, outgoing, context);
    const auto left = time_left(context);
    if (left && left->count() <= 0) throw timed_out(outgoing.url, context, number - 1);
    TransferReply reply =
        pool_.perform({.method = outgoing.body.empty() ? "GET" : "POST",
                       .url = outgoing.url,
                       .headers = headers_for(outgoing, context, compressed != nullptr),
                       .body = compressed != nullptr ? std::string_view(*compressed) : outgoing.body,
                       .timeout = left.value_or(milliseconds(0)),
                       .max_body_bytes = max_reply_bytes_},
                      context.stop);
    Attempt done;
    done.server_wait = server_wait(reply.head, std::chrono::system_clock::now());
    done.answer = answer_from(std::move(reply), outgoing, context);
    done.answer->num_attempts = number;
    return done;
  } catch (const TransferError& error) {
    const auto left = time_left(context);
    const bool ran_out = error.reply_began() || (left && left->count() <= 0);
    if (error.kind() == Kind::kTimeout && ran_out) throw timed_out(outgoing.url, context, number);
    if (!is_worth_retrying(error)) fail(error, context, number);
    return {.failure = error};
  }
}

Answer Sender::send(const Outgoing& outgoing, const CallContext& context) {
  std::optional<std::string> compressed;
  if (compress_requests_ && outgoing.body.size() >= kWorthCompressing) compressed = gzip_body(outgoing.body);
  for (std::int32_t number = 1;; ++number) {
    Attempt done = attempt(outgoing, compressed ? &*compressed : nullptr, context, number);
    if (done.answer && !kRetryPolicy.is_retryable(done.answer->status)) return std::move(*done.answer);
    const milliseconds delay = kRetryPolicy.delay(number, random_fraction(), done.server_wait);
    const auto left = time_left(context);
    const bool is_too_long = (left && delay >= *left) || !kRetryPolicy.accepts(done.server_wait);
    if (number > context.max_retries || is_too_long) {
      const bool ran_out = is_too_long && done.failure && done.failure->kind() == Kind::kTimeout;
      if (ran_out) throw timed_out(outgoing.url, context, number);
      if (done.failure) fail(*done.failure, context, number);
      if (is_too_long && done.server_wait) {
        done.answer->note = fmt::format("it requests a wait of {:.0f} s, longer than this call may take",
                                        std::chrono::duration<double>(*done.server_wait).count());
      }
      return std::move(*done.answer);
    }
    if (!sleep_for(delay, context.stop)) throw cancelled(outgoing.url, context, number);
  }
}

ClientError refusal(const Answer& answer) {
  const std::string said = server_message(answer.body);
  const ErrorCode code = answer.status == 404                           ? ErrorCode::kNotFound
                         : answer.status == 405 || answer.status == 501 ? ErrorCode::kUnsupported
                         : answer.status == 429 || answer.status >= 500 ? ErrorCode::kUnavailable
                                                                        : ErrorCode::kInvalidArgument;
  std::string message =
      fmt::format("{} returned status {}{}", answer.url, answer.status, attempts_text(answer.num_attempts));
  if (!said.empty()) message += ": " + said;
  if (!answer.note.empty()) message += fmt::format(" ({})", answer.note);
  return {code,
          message,
          {.reason = Reason::kStatus,
           .status = answer.status,
           .server_message = said,
           .request_id = answer.request_id,
           .num_attempts = answer.num_attempts}};
}

std::string random_id() {
  thread_local std::mt19937_64 engine(std::random_device{}());
  return fmt::format("{:016x}", engine());
}

}  // namespace rerank::client
