#include "server/service/scoring_task.h"

#include <algorithm>
#include <utility>

#include "api/api_error.h"
#include "api/dialects/dialect.h"
#include "api/reply.h"
#include "base/log.h"
#include "base/log_event.h"
#include "base/unix_time.h"
#include "server/service/body.h"
#include "server/service/request_deadline.h"

namespace rerank {
namespace {

// Above these sizes, JSON is read and written off the event loop: 64 KiB take about 0.1 ms.
constexpr std::size_t kLargeBodyBytes = 64 << 10;
constexpr std::size_t kManyDocuments = 500;
// Above this size, reading and writing take some milliseconds and must not delay short work.
constexpr std::size_t kGiantBytes = 1 << 20;
// What engine and result store per document besides its text.
constexpr std::size_t kDocumentBytes = 128;
constexpr std::size_t kLoggedBytes = 1000;  // per text

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
  const std::size_t num_bytes = request.body.size();
  if (num_bytes < kLargeBodyBytes && !is_compressed(request)) return run(WorkSize::kShort);
  post_reading(num_bytes > kGiantBytes ? WorkSize::kLong : WorkSize::kShort);
}

void ScoringTask::post_reading(WorkSize size) {
  service_.workers_.post(size, [self = shared_from_this(), size] { self->run(size); });
}

void ScoringTask::run(WorkSize size) {
  if (ended() == End::kAbandoned) return exchange_->abandon();
  try {
    const std::size_t max_bytes = service_.options_.max_inflated_bytes;
    const std::size_t most = size == WorkSize::kShort ? std::min(kGiantBytes, max_bytes) : max_bytes;
    if (inflate_body(exchange_->request(), most, exchange_->allowance())) return read_and_submit();
    if (most == max_bytes) throw api::body_too_large(max_bytes);
    post_reading(WorkSize::kLong);
  } catch (const std::exception& error) {
    leave_queue(0);
    exchange_->fail(error);
  }
}

void ScoringTask::read_and_submit() {
  HttpRequest& request = exchange_->request();
  RequestAllowance& allowance = exchange_->allowance();
  call_ = api::parse_scoring_call(std::move(request.body), exchange_->match(), serving_.rules, allowance);
  try {
    call_.request.deadline = deadline_of(request, service_.options_.request_timeout);
    // Reserves the memory of the reply too: what is computed must not be refused afterwards.
    reply_bytes_ = api::reply_bytes(call_, serving_.rules.served_names.front());
    allowance.take(reply_bytes_ + kDocumentBytes * call_.num_documents);
    Load load;
    load.add(call_.request, serving_.rules.max_model_len);
    if (const auto wait = service_.admission_.enter(load)) {
      service_.metrics_.count_rejected("queue_full");
      throw api::queue_full(*wait);
    }
    load_ = load;
  } catch (api::ApiError& error) {
    error.set_style(call_.dialect->error_style);
    throw;
  }
  log_call();
  try {
    submit();
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kInvalidArgument) throw;
    throw api::error_of(call_, error);
  }
}

void ScoringTask::submit() {
  const Engine::RequestId id =
      serving_.engine->submit(std::move(call_.request), [self = shared_from_this()](Result result) mutable {
        self->on_result(std::move(result));
        self.reset();
      });
  bool is_unwanted = false;
  {
    const std::lock_guard lock(mutex_);
    id_ = id;
    is_unwanted = end_ != End::kNone;
  }
  if (is_unwanted) serving_.engine->cancel(id);
}

// Called on a thread of the engine, which must not wait for JSON or get exceptions.
void ScoringTask::on_result(Result result) {
  try {
    auto work = [self = shared_from_this(), result = std::move(result)] { self->finish(result); };
    const bool is_large = call_.num_documents > kManyDocuments || call_.echo_bytes > kLargeBodyBytes;
    if (is_large) {
      service_.workers_.post(reply_bytes_ > kGiantBytes ? WorkSize::kLong : WorkSize::kShort,
                             std::move(work));
    } else {
      exchange_->post(std::move(work));
    }
  } catch (const std::exception& error) {
    log::error("a reply was dropped: {}", error.what());  // the destructor of the exchange replies
    leave_queue(0);
  }
}

void ScoringTask::finish(const Result& result) {
  const bool is_done = result.status == Status::kOk;
  leave_queue(is_done ? result.num_tokens - result.num_cached_tokens : 0);
  // The engine has released its texts.
  exchange_->allowance().keep(call_.echo_bytes + reply_bytes_);
  try {
    answer(result);
  } catch (const std::exception& error) {
    service_.metrics_.count_scoring(exchange_->handler(), api::error_of(error).status(), num_documents(),
                                    result, exchange_->age());
    exchange_->fail(error, summary_of(result));
  }
}

void ScoringTask::answer(const Result& result) {
  // Counted before the client can see the reply.
  const auto count = [&](int status) {
    service_.metrics_.count_scoring(exchange_->handler(), status, num_documents(), result, exchange_->age());
  };
  const End end = ended();
  if (end == End::kAbandoned) {
    count(499);
    return exchange_->abandon(summary_of(result));
  }
  if (result.status != Status::kOk) {
    if (end != End::kStopped) throw api::error_of(call_, result);
    throw api::ApiError(503, "The server is shutting down.").set_style(call_.dialect->error_style);
  }
  HttpReply reply = reply_of(result);
  count(reply.status);
  exchange_->reply(std::move(reply), summary_of(result));
}

HttpReply ScoringTask::reply_of(const Result& result) {
  const std::string header_id = api::accepted_request_id(exchange_->request().header("X-Request-Id"));
  const bool has_body_id = header_id.empty() && !call_.request_id.empty();
  HttpReply reply;
  reply.body = api::write_reply(call_, result,
                                {.id = has_body_id ? call_.request_id : exchange_->request_id(),
                                 .model = serving_.rules.served_names.front(),
                                 .created = seconds_since_1970()});
  call_.echo = {};
  exchange_->allowance().keep(reply.body.capacity());
  reply.held_until_written = std::make_shared<MemoryCharge>(std::move(exchange_->request().charge));
  for (auto& [name, value] : api::timing_headers(result, exchange_->age())) {
    reply.headers.push_back({std::string(name), std::move(value)});
  }
  return reply;
}

void ScoringTask::leave_queue(std::int64_t num_tokens) {
  if (load_) service_.admission_.leave(*std::exchange(load_, std::nullopt), num_tokens);
}

ScoringSummary ScoringTask::summary_of(const Result& result) const {
  ScoringSummary summary;
  summary.num_documents = num_documents();
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
  std::optional<Engine::RequestId> id;
  {
    const std::lock_guard lock(mutex_);
    if (end_ == End::kNone) end_ = why;
    id = id_;
  }
  if (id) serving_.engine->cancel(*id);
}

void ScoringTask::log_call() const {
  if (!service_.options_.log_requests) return;
  const Request& asked = call_.request;
  std::size_t num_bytes = 0;
  for (const std::string& document : asked.documents) num_bytes += document.size();
  const std::string& query = asked.queries.empty() ? asked.query : asked.queries.front();
  std::vector<log::Field> fields = {
      {"request_id", exchange_->request_id()},
      {"route", exchange_->handler()},
      {"documents", num_documents()},
      {"document_bytes", static_cast<std::int64_t>(num_bytes)},
      {"query_bytes", static_cast<std::int64_t>(query.size())},
      {"instruction_bytes", static_cast<std::int64_t>(asked.instruction.size())},
      {"top_n", static_cast<std::int64_t>(call_.top_n)},
      {"priority", std::int64_t{asked.priority}},
      {"truncate", asked.truncate},
      {"raw_scores", call_.activation == api::Activation::kNone}};
  if (service_.options_.log_request_texts) {
    const auto cut = [](const std::string& text) { return std::string_view(text).substr(0, kLoggedBytes); };
    fields.push_back({"query", cut(query)});
    fields.push_back({"instruction", cut(asked.instruction)});
    if (!asked.documents.empty()) fields.push_back({"first_document", cut(asked.documents.front())});
  }
  log::event(log::Level::kInfo, "received", fields);
}

}  // namespace rerank
