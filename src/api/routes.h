// All routes, including those of the dialects: methods and paths, for the server and the OpenAPI document.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace rerank::api {

enum class Method { kGet, kPost };

enum class Handler {
  kRerank,
  kScore,
  kInvocations,  // rerank or score: parse_scoring_call tells them apart
  kTokenize,
  kDetokenize,
  kModels,
  kModel,  // RouteMatch::model says which
  kVersion,
  kInfo,
  kClusterAuth,
  kMeta,
  kHealth,  // 200 while the server serves requests, or soon will again: for supervisors and routers
  kLive,    // 200 unless only a restart can help
  kReady,   // 200 while new requests are accepted
  kMetrics,
  kOpenapi,
  kDocs,
  kPlayground,
};

struct Dialect;

struct Route {
  Method method;
  std::string_view pattern;  // "{model}" matches one or more segments
  Handler handler;
  std::string_view summary;
  const Dialect* dialect = nullptr;  // of static storage, never null in routes()

  bool needs_key() const { return method == Method::kPost; }
};

// Summaries of routes that several dialects have.
inline constexpr std::string_view kModelsSummary = "The served names";
inline constexpr std::string_view kHealthSummary = "Whether the server serves requests";

std::span<const Route> routes();

struct RouteMatch {
  const Route* route = nullptr;  // of static storage; nullptr: no such route, `status` says why
  std::string_view pattern;      // of the route, or for 405 of a route with this path; of static storage
  std::string model;             // the part that {model} matched, percent-decoded
  int status = 200;              // 404, or 405 with `allow`
  std::string allow;  // for 405 and OPTIONS: "GET, HEAD, OPTIONS" or the like; empty for an unknown path
};

// The path without the query string and a trailing slash.
std::string_view path_of(std::string_view target);

// `target` is a request's path; a query string and a trailing slash are ignored. HEAD matches as GET.
RouteMatch match_route(std::string_view method, std::string_view target);

}  // namespace rerank::api
