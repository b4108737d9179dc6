#include "client/server_finder.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "client/json_node.h"
#include "rerank/error.h"

namespace rerank::client {
namespace {

using Kind = JsonNode::Kind;

constexpr std::size_t kMaxNameBytes = 1000;  // of a model name, which is part of every request

// The JSON at this path; empty if there is none.
std::optional<JsonNode> ask(const std::string& url, Sender& sender, const CallContext& context) {
  const Answer answer = sender.send({.url = url}, context);
  if (answer.status == 401 || answer.status == 429 || answer.status >= 500) {
    if (answer.status != 501) throw refusal(answer);
  }
  if (answer.status != 200) return std::nullopt;
  try {
    return parse_json(answer.body);
  } catch (const Error&) {
    return std::nullopt;  // an HTML page
  }
}

const std::vector<JsonNode>& cards_of(const JsonNode& models) {
  static const std::vector<JsonNode> kNone;
  const JsonNode* const list = models.find("data");
  return list != nullptr && list->is(Kind::kArray) ? list->elements : kNone;
}

const DialectSpec* spec_of_owner(std::string_view owner) {
  if (owner == "rerank.cpp") return &spec_of(Dialect::kRerank);
  if (owner == "vllm") return &spec_of(Dialect::kVllm);
  if (owner == "llamacpp") return &spec_of(Dialect::kLlamaCpp);
  if (owner == "infinity") return &spec_of(Dialect::kInfinity);
  return nullptr;
}

bool can_rerank(const JsonNode& card) {
  const JsonNode* const abilities = card.find("capabilities");
  if (abilities == nullptr || !abilities->is(Kind::kArray)) return true;
  return std::any_of(abilities->elements.begin(), abilities->elements.end(),
                     [](const JsonNode& ability) { return ability.text == "rerank"; });
}

// The first model that can rank, for a server that requires a model name.
std::string model_to_name(const std::vector<JsonNode>& cards, Dialect dialect) {
  if (dialect == Dialect::kRerank) return {};
  const auto found = std::find_if(cards.begin(), cards.end(), can_rerank);
  if (found == cards.end() || found->text_of("id").size() > kMaxNameBytes) return {};
  return std::string(found->text_of("id"));
}

void take_limits(const JsonNode& info, Server& server) {
  const auto limit = info.integer_of("max_client_batch_size");
  if (limit && *limit > 0) {
    constexpr std::size_t kMost = 1000;  // limits what a lost connection costs
    server.limits.max_documents = std::min(kMost, static_cast<std::size_t>(*limit));
  }
}

// The first route that exists, as its response to an empty request shows.
std::string existing_route(const BaseUrl& url, Sender& sender, const CallContext& context) {
  if (!url.route.empty()) return url.given();
  for (const char* const path : {"/v1/rerank", "/rerank", "/v2/rerank"}) {
    const std::string route = url.root + path;
    const Answer answer = sender.send({.url = route, .body = "{}"}, context);
    if (answer.status != 404 && answer.status != 405) return route;
  }
  throw ClientError(
      ErrorCode::kNotFound,
      fmt::format(
          "{}: no reranker found: /v1/models, /info, /v1/rerank, /rerank and /v2/rerank do not exist; "
          "check the URL, or set the dialect",
          url.root),
      {.reason = ClientError::Reason::kStatus, .status = 404, .request_id = context.request_id});
}

}  // namespace

Server assumed_server(const BaseUrl& url, const DialectSpec& spec) {
  return {.spec = &spec,
          .routes = routes_of(url, spec),
          .limits = {.max_documents = spec.max_documents, .max_bytes = spec.max_request_bytes}};
}

Server find_server(const BaseUrl& url, Sender& sender, const CallContext& context) {
  if (const DialectSpec* const spec = spec_of_host(url.host)) return assumed_server(url, *spec);
  bool has_models = false;
  for (const std::string_view prefix : {"/v1", ""}) {
    const auto models = ask(fmt::format("{}{}/models", url.root, prefix), sender, context);
    const std::vector<JsonNode>& cards = models ? cards_of(*models) : cards_of({});
    const DialectSpec* const spec =
        cards.empty() ? nullptr : spec_of_owner(cards.front().text_of("owned_by"));
    if (spec != nullptr) {
      Server server = assumed_server(url, *spec);
      server.model = model_to_name(cards, spec->dialect);
      // Infinity's routes are next to its list of models.
      if (spec->dialect == Dialect::kInfinity && url.route.empty()) {
        server.routes.rerank = fmt::format("{}{}/rerank", url.root, prefix);
      }
      if (spec->dialect == Dialect::kRerank) {
        if (const auto info = ask(url.root + "/info", sender, context)) take_limits(*info, server);
      }
      return server;
    }
    has_models = has_models || !cards.empty();
    if (prefix.empty()) break;
    const auto info = ask(url.root + "/info", sender, context);
    if (info && info->integer_of("max_client_batch_size")) {
      Server server = assumed_server(url, spec_of(Dialect::kTei));
      take_limits(*info, server);
      return server;
    }
  }
  Server server = assumed_server(url, spec_of(Dialect::kJina));
  if (!has_models) server.routes.rerank = existing_route(url, sender, context);
  return server;
}

ServerFinder::ServerFinder(const ClientOptions& options, Sender& sender)
    : url_(parse_base_url(options.url)),
      given_(options.dialect == "auto" ? nullptr : &spec_named(options.dialect)),
      model_(options.model),
      max_documents_(options.max_documents_per_request),
      max_request_bytes_(options.max_request_bytes),
      sender_(sender) {}

Server ServerFinder::look(const CallContext& context) {
  Server server = given_ != nullptr ? assumed_server(url_, *given_) : find_server(url_, sender_, context);
  if (!model_.empty()) server.model = model_;
  if (max_documents_ > 0) server.limits.max_documents = max_documents_;
  if (max_request_bytes_ > 0) server.limits.max_bytes = max_request_bytes_;
  return server;
}

std::shared_ptr<const Server> ServerFinder::find(const CallContext& context) {
  std::unique_lock lock(mutex_);
  const auto is_quiet = [this] { return !is_asking_; };
  const bool is_my_turn = context.deadline
                              ? answered_.wait_until(lock, context.stop, *context.deadline, is_quiet)
                              : answered_.wait(lock, context.stop, is_quiet);
  if (found_ != nullptr) return found_;
  if (!is_my_turn) {
    const bool is_cancelled = context.stop.stop_requested();
    throw ClientError(
        ErrorCode::kUnavailable,
        fmt::format("{}: {} while another call was detecting the server", url_.root,
                    is_cancelled ? "cancelled" : "no response within the timeout"),
        {.reason = is_cancelled ? ClientError::Reason::kCancelled : ClientError::Reason::kTimeout,
         .request_id = context.request_id});
  }
  is_asking_ = true;
  lock.unlock();
  std::shared_ptr<const Server> server;
  try {
    server = std::make_shared<const Server>(look(context));
  } catch (...) {
    lock.lock();
    is_asking_ = false;
    answered_.notify_all();
    throw;
  }
  lock.lock();
  is_asking_ = false;
  found_ = server;
  answered_.notify_all();
  return server;
}

void ServerFinder::forget() {
  const std::lock_guard lock(mutex_);
  if (given_ == nullptr) found_ = nullptr;
}

}  // namespace rerank::client
