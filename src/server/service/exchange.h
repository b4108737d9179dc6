// One request and its one answer, with all that is the same for every route: ids, common headers, counting
// and the log's line.
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

// What the log's line says of a scoring request beside the rest.
struct ScoringSummary {
  std::int64_t num_documents = 0;
  Result result;  // without its documents
};

// What all exchanges of a service share.
struct ExchangeContext {
  const ServiceOptions& options;
  Metrics& metrics;
  MemoryBudget& budget;
  // Of errors of rerank requests whose body was not read.
  api::ErrorStyle error_style = api::ErrorStyle::kObject;
  std::atomic<std::int64_t> num_alive{0};  // exchanges; each may still call its Done
};

// From the request's arrival until it is answered or its client is gone. Not safe from several threads at
// once.
class Exchange {
 public:
  // `context` must outlive it.
  Exchange(ExchangeContext& context, HttpRequest request, HttpHandler::Post post, HttpHandler::Done done);
  // Answers with 500 if nothing else was answered.
  ~Exchange();
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  HttpRequest& request() { return request_; }
  // For what is held of the request. Lives as long as this.
  RequestAllowance& allowance() { return allowance_; }
  const api::RouteMatch& match() const { return match_; }
  // The pattern of the route, or of those that have the path with another method; "none" if there is none.
  // For labels.
  std::string_view handler() const;
  const std::string& request_id() const { return request_id_; }
  // Runs `work` on the thread of the connection.
  void post(std::function<void()> work) const { post_(std::move(work)); }
  std::chrono::nanoseconds age() const { return std::chrono::steady_clock::now() - request_.received; }

  // Each answers, once: later calls do nothing. The reply's body is charged for until it is written, unless
  // it came with what holds its charge.
  void reply(HttpReply reply, const std::optional<ScoringSummary>& summary = std::nullopt);
  void reply_json(std::string body);
  void fail(const std::exception& error, const std::optional<ScoringSummary>& summary = std::nullopt);
  // Nobody waits for an answer any more: counted and logged as 499.
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
  std::string failure_;  // why it was not answered as asked, for the log
  bool answered_ = false;
};

// `target` without the prefix `root_path`, if it begins with it.
std::string_view without_root_path(std::string_view target, std::string_view root_path);

// The reply that says `error` in JSON.
HttpReply error_reply(const api::ApiError& error);

}  // namespace rerank
