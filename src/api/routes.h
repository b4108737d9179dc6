// All routes, those of the dialects among them: the server dispatches by them, and openapi.cc describes them.
// Paths and methods only, not what the handlers do.
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
  kHealth,  // 200 while requests are being served, or soon may be again: for supervisors and routers
  kLive,    // 200 unless a restart is the only cure
  kReady,   // 200 while new requests are welcome
  kMetrics,
  kOpenapi,
  kDocs,
  kPlayground,
};

struct Dialect;

struct Route {
  Method method;
  std::string_view pattern;  // "{model}" stands for one or more segments, slashes among them
  Handler handler;
  std::string_view summary;
  int cohere_version = 1;            // of Cohere's API: 2 returns documents only on request
  const Dialect* dialect = nullptr;  // of static storage, never null in routes()

  bool needs_key() const { return method == Method::kPost; }
};

// Of routes that several dialects have.
inline constexpr std::string_view kModelsSummary = "The served names";
inline constexpr std::string_view kHealthSummary = "Whether requests are being served";

std::span<const Route> routes();

struct RouteMatch {
  const Route* route = nullptr;  // of static storage; null: no such route, `status` says why
  std::string_view pattern;      // of the route, or for 405 of one with this path; of static storage
  std::string model;             // what {model} stood for, percent-decoded
  int status = 200;              // 404, or 405 with `allow`
  std::string allow;  // for 405 and OPTIONS: "GET, HEAD, OPTIONS" or the like; empty for an unknown path
};

// Without the query string behind it and one slash at its end.
std::string_view path_of(std::string_view target);

// `target` is a request's path; a query string behind it and one slash at its end are ignored. HEAD matches
// as GET.
RouteMatch match_route(std::string_view method, std::string_view target);

}  // namespace rerank::api
