#include "api/routes.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "api/dialects/dialects.h"

namespace rerank::api {
namespace {

TEST(Routes, FindTheirHandlers) {
  EXPECT_EQ(match_route("POST", "/v1/rerank").route->handler, Handler::kRerank);
  EXPECT_EQ(match_route("POST", "/v2/rerank").route->dialect, &kCohere);
  EXPECT_EQ(match_route("POST", "/infinity/v1/rerank").route->dialect, &kInfinity);
  EXPECT_EQ(match_route("POST", "/invocations").route->handler, Handler::kInvocations);
  EXPECT_EQ(match_route("GET", "/").route->handler, Handler::kPlayground);
  EXPECT_EQ(match_route("HEAD", "/health").route->handler, Handler::kHealth);
}

TEST(Routes, IgnoreTheQueryAndASlashAtTheEnd) {
  EXPECT_EQ(match_route("POST", "/rerank/?a=b/c").route->handler, Handler::kRerank);
  EXPECT_EQ(match_route("GET", "/?x").route->handler, Handler::kPlayground);
  EXPECT_EQ(match_route("GET", "/v1/models/").route->handler, Handler::kModels);
}

TEST(Routes, CaptureModelsWithSlashes) {
  const RouteMatch model = match_route("GET", "/v1/models/Qwen/Qwen3-Reranker-0.6B");
  ASSERT_NE(model.route, nullptr);
  EXPECT_EQ(model.route->handler, Handler::kModel);
  EXPECT_EQ(model.model, "Qwen/Qwen3-Reranker-0.6B");
  EXPECT_EQ(match_route("POST", "/v1/retrieval/a%2Fb%20c/reranking").model, "a/b c");
  EXPECT_EQ(match_route("POST", "/v1/retrieval/100%/reranking").model, "100%");
  EXPECT_EQ(match_route("POST", "/v1/retrieval//reranking").status, 404);
}

TEST(Routes, TellAWrongMethodFromAnUnknownPath) {
  const RouteMatch wrong = match_route("GET", "/rerank");
  EXPECT_EQ(wrong.route, nullptr);
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.allow, "POST, OPTIONS");
  EXPECT_EQ(match_route("POST", "/health").allow, "GET, HEAD, OPTIONS");
  const RouteMatch unknown = match_route("GET", "/nowhere");
  EXPECT_EQ(unknown.status, 404);
  EXPECT_EQ(unknown.allow, "");
  EXPECT_EQ(match_route("GET", "").status, 404);
}

TEST(Routes, WantAKeyForEveryPost) {
  std::set<std::string_view> patterns;
  for (const Route& route : routes()) {
    EXPECT_EQ(route.needs_key(), route.method == Method::kPost) << route.pattern;
    EXPECT_TRUE(patterns.insert(route.pattern).second) << route.pattern << " is there twice";
  }
}

}  // namespace
}  // namespace rerank::api
