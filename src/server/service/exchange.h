// One request and its reply, with everything common to all routes: ids, common headers, metrics and access
// log.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <string_view>

#include "api/api_error.h"
#include "api/routes.h"
#include "rerank/types.h"
#include "server/http/http_handler.h"
#include "server/http/memory_budget.h"
#include "server/service/metrics.h"
#include "server/service/request_allowance.h"
#include "server/service/service_options.h"

namespace rerank {

// What the access log adds for a scoring request.
struct ScoringSummary {
  std::int64_t num_documents = 0;
  Result result;  // without its documents
};

// Shared by all exchanges of a service.
struct ExchangeContext {
  const ServiceOptions& options;
  Metrics& metrics;
  MemoryBudget& budget;
  // The error format of rerank requests whose body was not read.
  api::ErrorStyle error_style = api::ErrorStyle::kObject;
  std::atomic<std::int64_t> num_alive{0};  // exchanges that may still call their Done
};

// From the arrival of a request to its reply, or until the client disconnects. Not safe from several threads
// at once.
class Exchange {
 public:
  // `context` must outlive it.
  Exchange(ExchangeContext& context, HttpRequest request, HttpHandler::Post post, HttpHandler::Done done);
  // Replies with 500 if there was no other reply.
  ~Exchange();
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  HttpRequest& request() { return request_; }
  // For the memory of the request. Lives as long as this object.
  RequestAllowance& allowance() { return allowance_; }
  const api::RouteMatch& match() const { return match_; }
  // The pattern of the route, or of those with the same path and another method; "none" if there is none. For
  // labels.
  std::string_view handler() const;
  const std::string& request_id() const { return request_id_; }
  // Runs `work` on the thread of the connection.
  void post(std::function<void()> work) const { post_(std::move(work)); }
  std::chrono::nanoseconds age() const { return std::chrono::steady_clock::now() - request_.received; }

  // Each replies, once: later calls have no effect. The body is charged for until it is written, unless the
  // reply already holds its charge.
  void reply(HttpReply reply, const std::optional<ScoringSummary>& summary = std::nullopt);
  void reply_json(std::string body);
  void fail(const std::exception& error, const std::optional<ScoringSummary>& summary = std::nullopt);
  // The client no longer waits for a reply: counted and logged as 499.
  void abandon(const std::optional<ScoringSummary>& summary = std::nullopt);

 private:
  void charge(HttpReply& reply);
  bool may_be_rerank() const;
  void add_common_headers(HttpReply& reply) const;
  void log_answer(int status, std::chrono::nanoseconds duration,
                  const std::optional<ScoringSummary>& summary) const;

  ExchangeContext& context_;
  HttpRequest request_;
  RequestAllowance allowance_;
  HttpHandler::Post post_;
  HttpHandler::Done done_;
  api::RouteMatch match_;
  std::string request_id_;
  std::string failure_;  // why the request failed, for the log
  bool answered_ = false;
};

// `target` without `root_path`, if it begins with it.
std::string_view without_root_path(std::string_view target, std::string_view root_path);

// The reply for `error`, in JSON.
HttpReply error_reply(const api::ApiError& error);

}  // namespace rerank
