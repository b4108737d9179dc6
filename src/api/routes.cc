#include "api/routes.h"

#include <array>
#include <optional>
#include <vector>

#include "api/dialects/dialects.h"
#include "base/ascii.h"

namespace rerank::api {
namespace {

constexpr std::string_view kModelMark = "{model}";

constexpr std::string_view kReadySummary = "Whether new requests are accepted";

// Routes of no dialect.
constexpr std::array kServiceRoutes = {
    Route{Method::kPost, "/invocations", Handler::kInvocations, "Rerank or score, depending on the body"},
    Route{Method::kPost, "/tokenize", Handler::kTokenize, "Token ids of texts"},
    Route{Method::kPost, "/detokenize", Handler::kDetokenize, "The text of token ids"},
    Route{Method::kGet, "/v1/models", Handler::kModels, kModelsSummary},
    Route{Method::kGet, "/v1/models/{model}", Handler::kModel, "One served name"},
    Route{Method::kGet, "/version", Handler::kVersion, "The program's version"},
    Route{Method::kGet, "/info", Handler::kInfo, "Model and limits, as in TEI"},
    Route{Method::kGet, "/v1/cluster/auth", Handler::kClusterAuth,
          "Whether a key is needed, for Xinference's client"},
    Route{Method::kGet, "/meta", Handler::kMeta, "An empty object, for Weaviate"},
    Route{Method::kGet, "/health", Handler::kHealth, kHealthSummary},
    Route{Method::kGet, "/ping", Handler::kHealth, kHealthSummary},
    Route{Method::kGet, "/v1/health/live", Handler::kLive, "Whether the process works; otherwise restart it"},
    Route{Method::kGet, "/v1/health/ready", Handler::kReady, kReadySummary},
    Route{Method::kGet, "/.well-known/ready", Handler::kReady, kReadySummary},
    Route{Method::kGet, "/metrics", Handler::kMetrics, "Metrics as Prometheus text"},
    Route{Method::kGet, "/openapi.json", Handler::kOpenapi, "This OpenAPI document"},
    Route{Method::kGet, "/docs", Handler::kDocs, "This document as a page"},
    Route{Method::kGet, "/", Handler::kPlayground, "A page to try ranking"},
};

std::vector<Route> all_routes() {
  std::vector<Route> all;
  const auto add = [&all](std::span<const Route> routes, const Dialect& dialect) {
    for (Route route : routes) {
      route.dialect = &dialect;
      all.push_back(route);
    }
  };
  add(kStandard.routes, kStandard);
  for (const Dialect* dialect : dialects()) {
    if (dialect != &kStandard) add(dialect->routes, *dialect);
  }
  add(kScore.routes, kScore);
  add(kServiceRoutes, kStandard);
  return all;
}

// Leaves an invalid escape unchanged.
std::string percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool may_be_escape = text[i] == '%' && i + 2 < text.size();
    const int high = may_be_escape ? hex_digit(text[i + 1]) : -1;
    const int low = may_be_escape ? hex_digit(text[i + 2]) : -1;
    if (high >= 0 && low >= 0) {
      out += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

// The part that {model} matches, empty if the pattern has none; nullopt if the path does not match.
std::optional<std::string_view> match_pattern(std::string_view pattern, std::string_view path) {
  const std::size_t mark = pattern.find(kModelMark);
  if (mark == std::string_view::npos) {
    return path == pattern ? std::optional(std::string_view()) : std::nullopt;
  }
  const std::string_view head = pattern.substr(0, mark);
  const std::string_view tail = pattern.substr(mark + kModelMark.size());
  if (path.size() <= head.size() + tail.size() || !path.starts_with(head) || !path.ends_with(tail)) {
    return std::nullopt;
  }
  return path.substr(head.size(), path.size() - head.size() - tail.size());
}

bool has_method(const Route& route, std::string_view method) {
  return route.method == Method::kPost ? method == "POST" : method == "GET" || method == "HEAD";
}

}  // namespace

std::string_view path_of(std::string_view target) {
  const std::string_view path = target.substr(0, target.find_first_of("?#"));
  return path.size() > 1 && path.ends_with('/') ? path.substr(0, path.size() - 1) : path;
}

std::span<const Route> routes() {
  static const std::vector<Route> all = all_routes();
  return all;
}

RouteMatch match_route(std::string_view method, std::string_view target) {
  const std::string_view path = path_of(target);
  RouteMatch match;
  match.status = 404;
  for (const Route& route : routes()) {
    const std::optional<std::string_view> model = match_pattern(route.pattern, path);
    if (!model.has_value()) continue;
    match.allow = route.method == Method::kPost ? "POST, OPTIONS" : "GET, HEAD, OPTIONS";
    match.status = 405;
    match.pattern = route.pattern;
    if (!has_method(route, method)) continue;
    match.route = &route;
    match.model = percent_decoded(*model);
    match.status = 200;
    break;
  }
  return match;
}

}  // namespace rerank::api
