#include "server/service/service.h"

#include <thread>
#include <utility>
#include <vector>

#include "api/api_error.h"
#include "api/dialects/dialects.h"
#include "api/openapi.h"
#include "api/pages/pages.h"
#include "api/served_model.h"
#include "base/thread_pool.h"
#include "base/unix_time.h"
#include "rerank/error.h"
#include "server/service/cors.h"
#include "server/service/scoring_task.h"
#include "server/service/tokenizing_task.h"

namespace rerank {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::seconds kLoadingWait{5};
constexpr std::chrono::seconds kDrainingWait{1};
constexpr std::chrono::milliseconds kEndPoll{1};

int num_workers(int asked) {
  if (asked > 0) return asked;
  return ThreadPool::available_processors() >= 16 ? 4 : 1;
}

api::ServiceCard first_card(const ServiceOptions& options, const std::string& model) {
  api::ServiceCard card;
  card.served_names = options.served_names;
  card.model = api::shown_model(model);
  if (card.served_names.empty()) card.served_names = {card.model};
  card.created = seconds_since_1970();
  card.max_concurrent_requests = options.max_queued_documents;
  card.max_documents = options.max_documents;
  card.auto_truncate = options.auto_truncate;
  card.needs_key = !options.api_keys.empty();
  return card;
}

HttpReply page(std::string_view html) {
  HttpReply reply;
  reply.content_type = "text/html; charset=utf-8";
  reply.headers = {{"content-security-policy", std::string(api::page_security_policy())},
                   {"x-content-type-options", "nosniff"},
                   {"cache-control", "no-cache"}};
  reply.body = std::string(html);
  return reply;
}

}  // namespace

Service::Service(ServiceOptions options, const std::string& model, const FrontCounters& front,
                 MemoryBudget& budget)
    : options_(std::move(options)),
      model_(options_.served_names.empty() ? api::shown_model(model) : options_.served_names.front()),
      budget_(budget),
      keys_(options_.api_keys),
      metrics_(front, model_),
      exchanges_{options_, metrics_, budget_},
      admission_(options_.max_queued_documents, options_.max_queued_tokens),
      card_(first_card(options_, model)),
      workers_(num_workers(options_.num_workers)) {
  if (!options_.reply_format.empty()) {
    exchanges_.error_style = api::dialect_named(options_.reply_format).error_style;
  }
}

Service::~Service() = default;

void Service::begin_serving(std::unique_ptr<ScoringEngine> engine, bool parse_special_tokens) {
  auto serving = std::make_unique<Serving>();
  const EngineInfo& info = engine->info();
  serving->parse_special_tokens = parse_special_tokens;
  serving->rules.served_names = card_.served_names;
  // Behind a path prefix, clients may use the full path.
  if (options_.served_names.empty()) serving->rules.served_names.push_back(info.model);
  serving->rules.max_model_len = info.max_model_len;
  serving->rules.max_documents = static_cast<std::size_t>(options_.max_documents);
  serving->rules.auto_truncate = options_.auto_truncate;
  serving->rules.model_declares_logits = info.declares_logits;
  if (!options_.reply_format.empty()) {
    serving->rules.forced_dialect = &api::dialect_named(options_.reply_format);
  }
  {
    const std::lock_guard lock(mutex_);
    card_.dtype = info.dtype;
    card_.prompt = info.prompt;
    card_.score_function = info.score_function;
    card_.score_source = info.score_source;
    card_.max_model_len = info.max_model_len;
    card_.max_num_batched_tokens = info.max_num_batched_tokens;
    card_.max_num_seqs = info.max_num_seqs;
  }
  serving->engine = std::move(engine);
  serving_ = std::move(serving);
  serving_pointer_ = serving_.get();
}

void Service::begin_leaving() {
  leaving_ = true;
}

void Service::begin_drain() {
  leaving_ = true;
  drain_began_ = steady_clock::now().time_since_epoch().count();
  draining_ = true;
}

bool Service::end_all(std::chrono::milliseconds timeout) {
  ended_ = true;
  {
    const std::lock_guard lock(mutex_);
    // A finishing task waits for the lock before it is destroyed, so those in the set are alive.
    for (ScoringTask* task : tasks_) task->stop();
  }
  const auto deadline = steady_clock::now() + timeout;
  while (exchanges_.num_alive > 0) {
    if (steady_clock::now() >= deadline) return false;
    std::this_thread::sleep_for(kEndPoll);
  }
  return true;
}

bool Service::is_ready() const {
  const Serving* const now = serving();
  return now != nullptr && now->engine->healthy() && !leaving_;
}

bool Service::is_alive() const {
  const Serving* const now = serving();
  return now == nullptr || now->engine->healthy();
}

MetricsMoment Service::moment() const {
  MetricsMoment moment;
  moment.model_name = model_;
  moment.is_ready = is_ready();
  moment.buffered_bytes = budget_.used_bytes();
  moment.num_queued_documents = admission_.num_documents();
  moment.num_queued_tokens = admission_.num_tokens();
  moment.tokens_per_second = admission_.tokens_per_second();
  if (const Serving* const now = serving()) {
    moment.info = &now->engine->info();
    moment.statistics = now->engine->statistics();
  }
  return moment;
}

HttpHandler::Cancel Service::handle(HttpRequest request, Post post, Done done) {
  std::shared_ptr<Exchange> exchange;
  try {
    exchange = std::make_shared<Exchange>(exchanges_, std::move(request), std::move(post), done);
    return dispatch(exchange);
  } catch (const std::exception& error) {
    if (exchange == nullptr) {
      done(error_reply(api::error_of(error)));
    } else {
      exchange->fail(error);
    }
    return {};
  }
}

HttpHandler::Cancel Service::dispatch(const std::shared_ptr<Exchange>& exchange) {
  const HttpRequest& request = exchange->request();
  const api::RouteMatch& match = exchange->match();
  if (request.method == "OPTIONS" && !match.allow.empty()) {
    preflight(*exchange);
    return {};
  }
  if (match.route == nullptr)
    throw api::unknown_route(request.method, api::path_of(request.target), match.status);
  const api::Handler handler = match.route->handler;
  if (!match.route->needs_key()) {
    // Clients check their key by requesting the models.
    const bool tests_key = handler == api::Handler::kModels || handler == api::Handler::kModel;
    if (tests_key && !request.header("Authorization").empty()) require_key(request);
    answer_get(*exchange);
    return {};
  }
  require_key(request);
  const Serving& serving = require_serving(request);
  const auto start = [](const auto& task) -> Cancel {
    task->start();
    return [weak = std::weak_ptr(task)] {
      if (const auto alive = weak.lock()) alive->abandon();
    };
  };
  if (handler == api::Handler::kTokenize || handler == api::Handler::kDetokenize) {
    return start(std::make_shared<TokenizingTask>(*this, serving, exchange));
  }
  return start(std::make_shared<ScoringTask>(*this, serving, exchange));
}

void Service::require_key(const HttpRequest& request) {
  if (keys_.admits(request.header("Authorization"))) return;
  metrics_.count_rejected("unauthorized");
  throw api::unauthorized();
}

const Service::Serving& Service::require_serving(const HttpRequest& request) {
  const auto refuse = [this](const char* reason, std::chrono::seconds wait) {
    metrics_.count_rejected(reason);
    throw api::ApiError(503, phase_message()).set_retry_after(wait);
  };
  const Serving* const now = serving();
  if (now == nullptr) refuse("loading", kLoadingWait);
  if (!now->engine->healthy()) refuse("unhealthy", kLoadingWait);
  // Requests that began to arrive before the shutdown are still accepted.
  const bool is_late = request.received.time_since_epoch().count() >= drain_began_;
  if (ended_ || (draining_ && is_late)) refuse("draining", kDrainingWait);
  return *now;
}

std::string Service::phase_message() const {
  const Serving* const now = serving();
  if (now == nullptr) return "The model is being loaded.";
  if (!now->engine->healthy()) return "The device failed; restart the server.";
  if (leaving_) return "The server is shutting down.";
  return "Ready.";
}

void Service::preflight(Exchange& exchange) const {
  HttpReply reply;
  reply.status = 204;
  reply.content_type.clear();
  reply.headers = preflight_headers(exchange.request(), exchange.match().allow);
  reply.headers.push_back({"allow", exchange.match().allow});
  exchange.reply(std::move(reply));
}

void Service::answer_health(Exchange& exchange, bool is_good) const {
  HttpReply reply;
  reply.status = is_good ? 200 : 503;
  if (!is_good) reply.headers.push_back({"retry-after", std::to_string(kLoadingWait.count())});
  reply.body = api::write_health(is_good, phase_message());
  exchange.reply(std::move(reply));
}

void Service::answer_get(Exchange& exchange) const {
  api::ServiceCard card;
  {
    const std::lock_guard lock(mutex_);
    card = card_;
  }
  HttpReply reply;
  switch (exchange.match().route->handler) {
    case api::Handler::kHealth:
    case api::Handler::kReady:
      return answer_health(exchange, is_ready());
    case api::Handler::kLive:
      return answer_health(exchange, is_alive());
    case api::Handler::kModels:
      return exchange.reply_json(api::write_models(card, *exchange.match().route->dialect));
    case api::Handler::kModel:
      return exchange.reply_json(api::write_model(card, exchange.match().model));
    case api::Handler::kVersion:
      return exchange.reply_json(api::write_version());
    case api::Handler::kInfo:
      return exchange.reply_json(api::write_info(card));
    case api::Handler::kClusterAuth:
      return exchange.reply_json(api::write_cluster_auth(card));
    case api::Handler::kMeta:
      return exchange.reply_json(api::write_meta());
    case api::Handler::kOpenapi:
      return exchange.reply_json(api::openapi_document());
    case api::Handler::kDocs:
      return exchange.reply(page(api::docs_page()));
    case api::Handler::kPlayground:
      return exchange.reply(page(api::playground_page()));
    case api::Handler::kMetrics:
      reply.content_type = "text/plain; version=0.0.4; charset=utf-8";
      reply.body = metrics_.render(moment());
      return exchange.reply(std::move(reply));
    default:
      throw Error(ErrorCode::kInternal, "a route without a handler");
  }
}

std::optional<HttpReply> Service::refuse_unread(const HttpRequest& head) {
  std::optional<HttpReply> answer;
  // The same reply as for an empty body, as far as that is known without the body.
  const api::RouteMatch match =
      api::match_route(head.method, without_root_path(head.target, options_.root_path));
  try {
    if (match.route == nullptr)
      throw api::unknown_route(head.method, api::path_of(head.target), match.status);
    if (match.route->needs_key()) {
      require_key(head);
      require_serving(head);
    }
    return std::nullopt;
  } catch (const std::exception& error) {
    Exchange exchange(exchanges_, head.copy_head(), {},
                      [&answer](HttpReply reply) { answer = std::move(reply); });
    exchange.fail(error);
  }
  return answer;
}

HttpReply Service::refuse_broken(const HttpRequest& head, int status, const std::string& message) {
  HttpReply answer;
  Exchange exchange(exchanges_, head.copy_head(), {},
                    [&answer](HttpReply reply) { answer = std::move(reply); });
  api::ApiError error(status, message);
  if (status == 429 || status == 503) error.set_retry_after(kDrainingWait);
  if (status == 429) metrics_.count_rejected("memory_full");
  exchange.fail(error);
  return answer;
}

void Service::add_task(ScoringTask* task) {
  const std::lock_guard lock(mutex_);
  tasks_.insert(task);
}

void Service::remove_task(ScoringTask* task) {
  const std::lock_guard lock(mutex_);
  tasks_.erase(task);
}

}  // namespace rerank
