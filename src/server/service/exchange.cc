#include "server/service/exchange.h"

#include <fmt/format.h>

#include <random>
#include <utility>
#include <vector>

#include "api/api_error.h"
#include "api/reply.h"
#include "base/log.h"
#include "base/log_event.h"
#include "rerank/error.h"
#include "server/service/cors.h"
#include "server/service/trace_context.h"

namespace rerank {
namespace {

constexpr std::size_t kTraceParentSize = 55;
constexpr std::size_t kSmallReplyBytes = 4 << 10;  // about the cost of its connection
constexpr std::size_t kLoggedPathBytes = 256;
constexpr std::size_t kLoggedReasonBytes = 300;

std::string random_id() {
  thread_local std::mt19937_64 generator{std::random_device{}()};
  return fmt::format("{:016x}{:016x}", generator(), generator());
}

double in_milliseconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double, std::milli>(time).count();
}

}  // namespace

std::string_view without_root_path(std::string_view target, std::string_view root_path) {
  if (root_path.empty() || !target.starts_with(root_path)) return target;
  const std::string_view rest = target.substr(root_path.size());
  if (rest.empty()) return "/";
  return rest.front() == '/' || rest.front() == '?' ? rest : target;
}

HttpReply error_reply(const api::ApiError& known) {
  HttpReply reply;
  reply.status = known.status();
  reply.body = api::write_error(known);
  if (const auto wait = known.retry_after()) {
    reply.headers.push_back({"retry-after", std::to_string(wait->count())});
  }
  if (known.status() == 401) reply.headers.push_back({"www-authenticate", "Bearer"});
  return reply;
}

Exchange::Exchange(ExchangeContext& context, HttpRequest request, HttpHandler::Post post,
                   HttpHandler::Done done)
    : context_(context),
      request_(std::move(request)),
      allowance_(request_.charge, context.budget, context.metrics),
      post_(std::move(post)),
      done_(std::move(done)),
      match_(
          api::match_route(request_.method, without_root_path(request_.target, context.options.root_path))),
      request_id_(api::accepted_request_id(request_.header("X-Request-Id"))) {
  if (request_id_.empty()) request_id_ = random_id();
  ++context_.num_alive;
}

Exchange::~Exchange() {
  try {
    if (!answered_) fail(Error(ErrorCode::kInternal, "a request was dropped without a reply"));
  } catch (const std::exception& error) {
    log::error("a request was dropped without a reply: {}", error.what());
  }
  // Whoever waits for the last exchange may destroy what these refer to.
  post_ = {};
  done_ = {};
  --context_.num_alive;
}

std::string_view Exchange::handler() const {
  return match_.pattern.empty() ? "none" : match_.pattern;
}

void Exchange::reply(HttpReply reply, const std::optional<ScoringSummary>& summary) {
  if (answered_) return;
  charge(reply);
  add_common_headers(reply);
  const int status = reply.status;
  const std::chrono::nanoseconds duration = age();
  // Counted before the client can see the reply; the log line may follow a moment later.
  context_.metrics.count_http(handler(), request_.method, status, duration);
  answered_ = true;
  try {
    done_(std::move(reply));
  } catch (...) {
    answered_ = false;
    throw;
  }
  log_answer(status, duration, summary);
}

void Exchange::charge(HttpReply& reply) {
  if (reply.held_until_written != nullptr || reply.body.size() <= kSmallReplyBytes) return;
  if (request_.charge.resize(reply.body.capacity())) {
    reply.held_until_written = std::make_shared<MemoryCharge>(std::move(request_.charge));
    return;
  }
  context_.metrics.count_rejected("memory_full");
  api::ApiError error = api::memory_full(std::chrono::seconds(1));
  failure_ = error.what();
  reply = error_reply(error.set_style(context_.error_style));
}

void Exchange::reply_json(std::string body) {
  HttpReply answer;
  answer.body = std::move(body);
  reply(std::move(answer));
}

bool Exchange::may_be_rerank() const {
  if (match_.route == nullptr) return true;
  return match_.route->handler == api::Handler::kRerank ||
         match_.route->handler == api::Handler::kInvocations;
}

void Exchange::fail(const std::exception& error, const std::optional<ScoringSummary>& summary) {
  api::ApiError known = api::error_of(error);
  if (may_be_rerank() && context_.error_style != api::ErrorStyle::kObject) {
    known.set_style(context_.error_style);
  }
  failure_ = std::string_view(error.what()).substr(0, kLoggedReasonBytes);
  HttpReply answer = error_reply(known);
  if (answer.status == 500) {
    const log::Field fields[] = {{"request_id", request_id_}, {"error", std::string_view(error.what())}};
    log::event(log::Level::kError, "internal error", fields);
  }
  if (answer.status == 405) answer.headers.push_back({"allow", match_.allow});
  reply(std::move(answer), summary);
}

void Exchange::abandon(const std::optional<ScoringSummary>& summary) {
  if (std::exchange(answered_, true)) return;
  const std::chrono::nanoseconds duration = age();
  context_.metrics.count_http(handler(), request_.method, 499, duration);
  log_answer(499, duration, summary);
}

void Exchange::add_common_headers(HttpReply& reply) const {
  reply.headers.push_back({"x-request-id", request_id_});
  const std::string_view traceparent = request_.header("traceparent");
  if (!trace_id_of(traceparent).empty()) {
    reply.headers.push_back({"traceparent", std::string(traceparent.substr(0, kTraceParentSize))});
  }
  for (HttpHeader& header : cors_headers(request_, context_.options.allowed_origins)) {
    reply.headers.push_back(std::move(header));
  }
}

void Exchange::log_answer(int status, std::chrono::nanoseconds duration,
                          const std::optional<ScoringSummary>& summary) const {
  // Health checks are not logged by default.
  const bool is_probe = match_.route != nullptr && !match_.route->needs_key() && status < 400;
  const log::Level level = is_probe ? log::Level::kDebug : log::Level::kInfo;
  if (!context_.options.log_access || !log::is_enabled(level)) return;
  // A query string may contain sensitive data.
  const std::string_view path = api::path_of(request_.target);
  std::vector<log::Field> fields = {{"peer", request_.peer},
                                    {"method", request_.method},
                                    {"path", path.substr(0, kLoggedPathBytes)},
                                    {"status", std::int64_t{status}},
                                    {"total_ms", in_milliseconds(duration)},
                                    {"request_id", request_id_}};
  if (!failure_.empty()) fields.push_back({"error", failure_});
  if (const auto trace = trace_id_of(request_.header("traceparent")); !trace.empty()) {
    fields.push_back({"trace_id", trace});
  }
  if (summary) {
    const Result& result = summary->result;
    fields.push_back({"documents", summary->num_documents});
    fields.push_back({"tokens", result.num_tokens});
    fields.push_back({"cached_tokens", result.num_cached_tokens});
    fields.push_back({"queue_ms", in_milliseconds(result.timings.queue)});
    fields.push_back({"tokenize_ms", in_milliseconds(result.timings.tokenize)});
    fields.push_back({"compute_ms", in_milliseconds(result.timings.compute)});
  }
  log::event(level, "request", fields);
}

}  // namespace rerank
