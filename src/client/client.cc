#include "rerank/client.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "base/best_first.h"
#include "client/parallel_parts.h"
#include "client/reply.h"
#include "client/request_body.h"
#include "client/request_split.h"
#include "client/sender.h"
#include "client/server_finder.h"

namespace rerank {
namespace {

using client::Answer;
using client::CallContext;
using client::RequestPart;
using client::ScoredReply;
using client::Server;

enum class Route { kRerank, kScore };

// One request of a call and its response.
struct PartReply {
  ScoredReply scored;
  std::string raw;
  std::string request_id;
};

constexpr std::chrono::milliseconds kLongestTimeout{1'000'000'000};

template <typename Number>
void require_between(std::string_view name, Number value, Number least, Number most) {
  require(least <= value && value <= most, fmt::format("{} must be between {} and {}", name, least, most));
}

void require_possible(std::chrono::milliseconds timeout) {
  require(timeout.count() >= 0 && timeout <= kLongestTimeout,
          "timeout must be between 0 (none) and 1000000 seconds");
}

ClientOptions checked(ClientOptions options) {
  require_between("max_retries", options.max_retries, 0, 1000);
  require_between("max_connections", options.max_connections, 1, 4096);
  require_possible(options.timeout);
  require(options.connect_timeout.count() > 0 && options.connect_timeout <= kLongestTimeout,
          "connect_timeout must be more than 0 and at most 1000000 seconds");
  require_between("max_documents_per_request", options.max_documents_per_request, std::size_t{0},
                  std::size_t{10'000'000});
  require_between("max_request_bytes", options.max_request_bytes, std::size_t{0}, std::size_t{1} << 30);
  require_between("max_reply_bytes", options.max_reply_bytes, std::size_t{1}, std::size_t{1} << 32);
  return options;
}

// Describes the documents of a part, for messages.
std::string range_of(const RequestPart& part) {
  const std::size_t first = part.positions.front();
  const std::size_t last = part.positions.back();
  if (last - first + 1 == part.positions.size()) return fmt::format("documents {} to {}", first, last);
  return fmt::format("{} documents starting with document {}", part.positions.size(), first);
}

std::vector<RerankItem> best_items(const std::vector<std::string>& documents, const RerankReply& reply,
                                   const RerankOptions& options) {
  std::vector<RerankItem> items;
  for (const std::size_t index : best_first(reply.scores, options.top_n)) {
    items.push_back({.index = index,
                     .score = reply.scores[index],
                     .text = options.return_documents ? documents[index] : std::string(),
                     .truncated = reply.truncated[index]});
  }
  return items;
}

}  // namespace

ClientError::ClientError(ErrorCode code, const std::string& message, Details details)
    : Error(code, message), details_(std::move(details)) {}

class Client::Impl {
 public:
  explicit Impl(ClientOptions options)
      : options_(checked(std::move(options))), sender_(options_), finder_(options_, sender_) {}

  CallContext context_of(const CallOptions& options, const std::stop_token& stop) const {
    CallContext context{.stop = stop,
                        .request_id = options.request_id.empty() ? client::random_id() : options.request_id,
                        .max_retries = options_.max_retries};
    const std::chrono::milliseconds timeout = options.timeout.value_or(options_.timeout);
    require_possible(timeout);
    if (timeout.count() > 0) context.deadline = std::chrono::steady_clock::now() + timeout;
    return context;
  }

  std::shared_ptr<const Server> server(const CallContext& context) { return finder_.find(context); }

  // Combines the scores of all parts in `scores`, [num_documents], and their other fields in `details`.
  void call(const std::vector<RequestPart>& parts, Route route, const Server& server,
            const CallOptions& options, const CallContext& context, std::vector<float>& scores,
            ReplyDetails& details) {
    std::vector<PartReply> replies(parts.size());
    const auto send_part = [&](std::size_t i, const std::stop_token& stop) {
      CallContext part_context = context;
      part_context.stop = stop;
      if (parts.size() > 1) part_context.request_id += fmt::format("-{}", i + 1);
      try {
        replies[i] = ask(parts[i], route, server, options, part_context);
      } catch (const ClientError& error) {
        if (parts.size() == 1) throw;
        throw ClientError(
            error.code(),
            fmt::format("part {} of {}, {}: {}", i + 1, parts.size(), range_of(parts[i]), error.what()),
            error.details());
      }
    };
    client::run_parts(parts.size(), static_cast<std::size_t>(options_.max_connections), context.stop,
                      send_part);
    for (std::size_t i = 0; i < parts.size(); ++i) add(parts[i], std::move(replies[i]), scores, details);
  }

  bool healthy(const std::stop_token& stop) {
    CallContext context = context_of({.timeout = options_.connect_timeout}, stop);
    context.max_retries = 0;
    try {
      return sender_.send({.url = finder_.url().root + "/health"}, context).status == 200;
    } catch (const ClientError& error) {
      if (error.reason() == ClientError::Reason::kCancelled) throw;
      return false;
    }
  }

 private:
  PartReply ask(const RequestPart& part, Route route, const Server& server, const CallOptions& options,
                const CallContext& context) {
    const std::string& model = options.model.empty() ? server.model : options.model;
    const std::string body = route == Route::kScore
                                 ? client::score_body(*server.spec, part.texts, options, model)
                                 : client::rerank_body(*server.spec, part.texts, options, model);
    Answer answer = sender_.send({.url = route == Route::kScore ? server.routes.score : server.routes.rerank,
                                  .body = body,
                                  .tells_deadline = server.spec->takes_deadline},
                                 context);
    if (answer.status == 404 || answer.status == 405) finder_.forget();
    if (answer.status / 100 != 2) throw client::refusal(answer);
    PartReply reply{.request_id = answer.request_id};
    try {
      reply.scored = client::read_scores(answer.body, part.positions.size());
    } catch (const Error& error) {
      throw ClientError(
          error.code(),
          fmt::format("{}: {}; check that the URL is that of a reranker", answer.url, error.what()),
          {.reason = ClientError::Reason::kReply,
           .status = answer.status,
           .request_id = answer.request_id,
           .num_attempts = answer.num_attempts});
    }
    if (!reply.scored.num_tokens) reply.scored.num_tokens = answer.num_tokens;
    reply.raw = std::move(answer.body);
    return reply;
  }

  static void add(const RequestPart& part, PartReply reply, std::vector<float>& scores,
                  ReplyDetails& details) {
    for (std::size_t i = 0; i < part.positions.size(); ++i) {
      scores[part.positions[i]] = reply.scored.scores[i];
      details.truncated[part.positions[i]] = reply.scored.truncated[i];
    }
    if (details.model.empty()) details.model = reply.scored.model;
    const bool is_first = details.raw.empty();
    const bool tells_tokens = reply.scored.num_tokens && (is_first || details.num_tokens);
    details.num_tokens = tells_tokens
                             ? std::optional(details.num_tokens.value_or(0) + *reply.scored.num_tokens)
                             : std::nullopt;
    details.request_ids.push_back(std::move(reply.request_id));
    details.raw.push_back(std::move(reply.raw));
  }

  const ClientOptions options_;
  client::Sender sender_;
  client::ServerFinder finder_;
};

namespace {

void require_sendable(const Server& server, const CallOptions& options) {
  client::require_supported(*server.spec, options);
  if (server.spec->needs_model && server.model.empty() && options.model.empty()) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("model: {} requires a model name", server.spec->label));
  }
}

}  // namespace

Client::Client(ClientOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Client::~Client() = default;
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;

RerankReply Client::rerank(const std::string& query, const std::vector<std::string>& documents,
                           const RerankOptions& options, const std::stop_token& stop) const {
  RerankReply reply;
  if (documents.empty()) return reply;
  const CallContext context = impl_->context_of(options, stop);
  const auto server = impl_->server(context);
  require_sendable(*server, options);
  reply.scores.resize(documents.size());
  reply.truncated.resize(documents.size());
  impl_->call(client::split_documents(query, documents, server->limits), Route::kRerank, *server, options,
              context, reply.scores, reply);
  reply.items = best_items(documents, reply, options);
  return reply;
}

ScoreReply Client::score(const std::vector<std::string>& queries, const std::vector<std::string>& documents,
                         const CallOptions& options, const std::stop_token& stop) const {
  ScoreReply reply;
  if (documents.empty() && queries.size() <= 1) return reply;
  if (queries.size() != 1 && queries.size() != documents.size()) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{} queries and {} documents: pass one query for all documents, or one for each",
                            queries.size(), documents.size()));
  }
  const CallContext context = impl_->context_of(options, stop);
  const auto server = impl_->server(context);
  require_sendable(*server, options);
  const Route route = server->routes.score.empty() ? Route::kRerank : Route::kScore;
  const std::vector<RequestPart> parts =
      queries.size() == 1      ? client::split_documents(queries.front(), documents, server->limits)
      : route == Route::kScore ? client::split_pairs(queries, documents, server->limits)
                               : client::split_by_query(queries, documents, server->limits);
  reply.scores.resize(documents.size());
  reply.truncated.resize(documents.size());
  impl_->call(parts, route, *server, options, context, reply.scores, reply);
  return reply;
}

ServerInfo Client::server(const std::stop_token& stop) const {
  const auto server = impl_->server(impl_->context_of({}, stop));
  return {.dialect = std::string(server->spec->name),
          .rerank_url = server->routes.rerank,
          .score_url = server->routes.score,
          .model = server->model,
          .max_documents_per_request = server->limits.max_documents,
          .max_request_bytes = server->limits.max_bytes};
}

bool Client::healthy(const std::stop_token& stop) const {
  return impl_->healthy(stop);
}

}  // namespace rerank
