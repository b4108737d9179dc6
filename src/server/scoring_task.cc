#include "server/scoring_task.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "api/api_error.h"
#include "api/reply.h"
#include "base/log_event.h"
#include "rerank/error.h"
#include "server/body.h"

namespace rerank {
namespace {

// Above these, reading and writing leave the event loop's thread: 64 KiB take it about 0.1 ms.
constexpr std::size_t kLargeBodyBytes = 64 << 10;
constexpr std::int64_t kManyDocuments = 500;
constexpr double kLongestTimeoutSeconds = 1e6;
constexpr std::size_t kLoggedBytes = 1000;  // of each text

std::int64_t seconds_since_1970() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::seconds>(now).count();
}

}  // namespace

ScoringTask::ScoringTask(Service& service, const Service::Serving& serving,
                         std::shared_ptr<Exchange> exchange)
    : service_(service), serving_(serving), exchange_(std::move(exchange)) {
  service_.add_task(this);
}

ScoringTask::~ScoringTask() {
  service_.remove_task(this);
}

void ScoringTask::start() {
  const HttpRequest& request = exchange_->request();
  if (request.body.size() < kLargeBodyBytes && !is_compressed(request)) return run();
  service_.workers_.post([self = shared_from_this()] { self->run(); });
}

void ScoringTask::run() {
  if (ended() == End::kAbandoned) return exchange_->abandon();
  try {
    read_and_submit();
  } catch (const std::exception& error) {
    if (load_) service_.admission_.leave(*std::exchange(load_, std::nullopt), 0);
    exchange_->fail(error);
  }
}

void ScoringTask::read_and_submit() {
  HttpRequest& request = exchange_->request();
  inflate_body(request, service_.options_.max_inflated_bytes);
  call_ = api::parse_scoring_call(request.body, exchange_->match(), serving_.rules);
  num_documents_ = static_cast<std::int64_t>(call_.num_documents());
  const auto until = deadline();
  Load load;
  for (const Request& one : call_.requests) load.add(one, serving_.rules.max_model_len);
  if (const auto wait = service_.admission_.enter(load)) {
    service_.metrics_.count_rejected("queue_full");
    throw api::queue_full(*wait).set_style(call_.error_style());
  }
  load_ = load;
  log_call();
  request.body = {};
  submit(until);
}

std::optional<std::chrono::steady_clock::time_point> ScoringTask::deadline() const {
  const HttpRequest& request = exchange_->request();
  const std::string_view text = request.header("X-Request-Timeout");
  std::chrono::milliseconds timeout = service_.options_.request_timeout;
  if (!text.empty()) {
    double seconds = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (error != std::errc() || end != text.data() + text.size() || !(seconds > 0)) {
      throw api::ApiError(400, "X-Request-Timeout must be a number of seconds above 0", "X-Request-Timeout")
          .set_style(call_.error_style());
    }
    const auto asked = std::chrono::milliseconds(
        static_cast<std::int64_t>(1000 * std::min(seconds, kLongestTimeoutSeconds)));
    timeout = timeout.count() == 0 ? asked : std::min(timeout, asked);
    if (timeout.count() == 0) timeout = std::chrono::milliseconds(1);
  }
  if (timeout.count() == 0) return std::nullopt;
  return request.received + timeout;
}

void ScoringTask::submit(std::optional<std::chrono::steady_clock::time_point> deadline) {
  const std::size_t num_requests = call_.requests.size();
  check(num_requests > 0, "a call without requests");
  results_.resize(num_requests);
  num_missing_ = num_requests;
  for (std::size_t index = 0; index < num_requests; ++index) {
    Request& request = call_.requests[index];
    request.deadline = deadline;
    const Engine::RequestId id = serving_.engine->submit(
        std::move(request), [self = shared_from_this(), index](Result result) mutable {
          self->on_result(index, std::move(result));
          self.reset();
        });
    bool is_unwanted = false;
    {
      const std::lock_guard lock(mutex_);
      ids_.push_back(id);
      is_unwanted = end_ != End::kNone;
    }
    if (is_unwanted) serving_.engine->cancel(id);
  }
}

// On a thread of the engine, which must not wait for JSON.
void ScoringTask::on_result(std::size_t index, Result result) {
  results_[index] = std::move(result);
  if (--num_missing_ > 0) return;
  auto work = [self = shared_from_this()] { self->finish(); };
  if (is_large()) {
    service_.workers_.post(std::move(work));
  } else {
    exchange_->post(std::move(work));
  }
}

bool ScoringTask::is_large() const {
  if (num_documents_ > kManyDocuments) return true;
  std::size_t echo_bytes = 0;
  for (const std::string& text : call_.echo) echo_bytes += text.size();
  return echo_bytes > kLargeBodyBytes;
}

void ScoringTask::finish() {
  const Result result = api::merge_results(std::move(results_));
  const bool is_done = result.status == Status::kOk;
  const std::int64_t num_computed = result.num_tokens - result.num_cached_tokens;
  service_.admission_.leave(*std::exchange(load_, std::nullopt), is_done ? num_computed : 0);
  // Counted before anybody can know of it.
  const auto count = [&](int status) {
    service_.metrics_.count_scoring(exchange_->handler(), status, num_documents_, result, exchange_->age());
  };
  try {
    const End end = ended();
    if (end == End::kAbandoned) {
      count(499);
      exchange_->abandon(summary_of(result));
    } else if (end == End::kStopped && !is_done) {
      throw api::ApiError(503, "The server is shutting down.").set_style(call_.error_style());
    } else if (!is_done) {
      throw api::error_of(call_, result);
    } else {
      HttpReply reply = reply_of(result);
      count(reply.status);
      exchange_->reply(std::move(reply), summary_of(result));
    }
  } catch (const std::exception& error) {
    count(api::error_of(error).status());
    exchange_->fail(error, summary_of(result));
  }
}

HttpReply ScoringTask::reply_of(const Result& result) const {
  const std::string header_id = api::accepted_request_id(exchange_->request().header("X-Request-Id"));
  const bool has_body_id = header_id.empty() && !call_.request_id.empty();
  HttpReply reply;
  reply.body = api::write_reply(call_, result,
                                {.id = has_body_id ? call_.request_id : exchange_->request_id(),
                                 .model = serving_.rules.served_names.front(),
                                 .created = seconds_since_1970()});
  for (auto& [name, value] : api::timing_headers(result, exchange_->age())) {
    reply.headers.push_back({std::string(name), std::move(value)});
  }
  return reply;
}

ScoringSummary ScoringTask::summary_of(const Result& result) const {
  ScoringSummary summary;
  summary.num_documents = num_documents_;
  summary.result.num_tokens = result.num_tokens;
  summary.result.num_cached_tokens = result.num_cached_tokens;
  summary.result.timings = result.timings;
  return summary;
}

void ScoringTask::abandon() {
  cancel(End::kAbandoned);
}

void ScoringTask::stop() {
  cancel(End::kStopped);
}

ScoringTask::End ScoringTask::ended() {
  const std::lock_guard lock(mutex_);
  return end_;
}

void ScoringTask::cancel(End why) {
  std::vector<Engine::RequestId> ids;
  {
    const std::lock_guard lock(mutex_);
    if (end_ == End::kNone) end_ = why;
    ids = ids_;
  }
  for (const Engine::RequestId id : ids) serving_.engine->cancel(id);
}

void ScoringTask::log_call() const {
  if (!service_.options_.log_requests) return;
  std::size_t num_bytes = 0;
  for (const Request& request : call_.requests) {
    for (const std::string& document : request.documents) num_bytes += document.size();
  }
  const Request& first = call_.requests.front();
  std::vector<log::Field> fields = {
      {"request_id", exchange_->request_id()},
      {"route", exchange_->handler()},
      {"documents", num_documents_},
      {"document_bytes", static_cast<std::int64_t>(num_bytes)},
      {"query_bytes", static_cast<std::int64_t>(first.query.size())},
      {"instruction_bytes", static_cast<std::int64_t>(first.instruction.size())},
      {"top_n", static_cast<std::int64_t>(call_.top_n)},
      {"priority", std::int64_t{first.priority}},
      {"truncate", first.truncate},
      {"raw_scores", call_.raw_scores}};
  if (service_.options_.log_request_texts) {
    const auto cut = [](const std::string& text) { return std::string_view(text).substr(0, kLoggedBytes); };
    fields.push_back({"query", cut(first.query)});
    fields.push_back({"instruction", cut(first.instruction)});
    if (!first.documents.empty()) fields.push_back({"first_document", cut(first.documents.front())});
  }
  log::event(log::Level::kInfo, "received", fields);
}

}  // namespace rerank
