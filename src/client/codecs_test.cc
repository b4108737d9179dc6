// Without sockets: URLs, request bodies, responses, splitting.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "client/base_url.h"
#include "client/dialect.h"
#include "client/json_node.h"
#include "client/reply.h"
#include "client/request_body.h"
#include "client/request_split.h"
#include "rerank/error.h"
#include "tests/support/error_of.h"

namespace rerank::client {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

TEST(BaseUrl, TakesWhatPeopleWrite) {
  struct Case {
    const char* url;
    const char* root;
    const char* version;
    const char* route;
  };
  for (const Case& c :
       {Case{"http://h:8000", "http://h:8000", "", ""}, Case{"http://h:8000/", "http://h:8000", "", ""},
        Case{"https://h/v1/", "https://h", "/v1", ""},
        Case{"http://h/v1/rerank", "http://h", "/v1", "/rerank"},
        Case{"http://h/v2/rerank/", "http://h", "/v2", "/rerank"},
        Case{"http://h/rerank", "http://h", "", "/rerank"},
        Case{"http://h/a/b/v1/score", "http://h/a/b", "/v1", "/score"},
        Case{"http://h/v1x", "http://h/v1x", "", ""}}) {
    const BaseUrl url = parse_base_url(c.url);
    EXPECT_EQ(url.root, c.root) << c.url;
    EXPECT_EQ(url.version, c.version) << c.url;
    EXPECT_EQ(url.route, c.route) << c.url;
  }
  EXPECT_EQ(parse_base_url("https://API.Cohere.com:443/x").host, "api.cohere.com");
  EXPECT_EQ(parse_base_url("http://[::1]:8000").host, "::1");
}

TEST(BaseUrl, SaysWhatIsWrong) {
  EXPECT_THAT(error_of([] { parse_base_url("localhost:8000"); }), HasSubstr("must begin with http://"));
  EXPECT_THAT(error_of([] { parse_base_url(""); }), HasSubstr("must begin with http://"));
  EXPECT_THAT(error_of([] { parse_base_url("http:///v1"); }), HasSubstr("host is missing"));
  EXPECT_THAT(error_of([] { parse_base_url("http://h/?a=b"); }), HasSubstr("remove the query"));
  EXPECT_THAT(error_of([] { parse_base_url("http://h /"); }), HasSubstr("whitespace"));
  const std::string message = error_of([] { parse_base_url("http://me:secret@h/"); });
  EXPECT_THAT(message, HasSubstr("api_key"));
  EXPECT_THAT(message, Not(HasSubstr("secret")));
}

TEST(Dialect, PlacesRoutes) {
  struct Case {
    const char* dialect;
    const char* url;
    const char* rerank;
    const char* score;
  };
  for (const Case& c : {Case{"rerank", "http://h", "http://h/v1/rerank", "http://h/v1/score"},
                        Case{"rerank", "http://h/v2/rerank", "http://h/v2/rerank", "http://h/v1/score"},
                        Case{"vllm", "http://h/v1", "http://h/v1/rerank", "http://h/v1/score"},
                        Case{"vllm", "http://h/p/rerank", "http://h/p/rerank", "http://h/p/score"},
                        Case{"vllm", "http://h/p/score", "http://h/p/v1/rerank", "http://h/p/score"},
                        Case{"tei", "http://h/v1", "http://h/rerank", ""},
                        Case{"infinity", "http://h/p", "http://h/p/rerank", ""},
                        Case{"llama.cpp", "http://h", "http://h/v1/rerank", ""},
                        Case{"cohere", "https://api.cohere.com", "https://api.cohere.com/v2/rerank", ""},
                        Case{"cohere", "https://api.cohere.com/v1", "https://api.cohere.com/v1/rerank", ""},
                        Case{"jina", "http://h/my/reranking", "http://h/my/reranking", ""}}) {
    const Routes routes = routes_of(parse_base_url(c.url), spec_named(c.dialect));
    EXPECT_EQ(routes.rerank, c.rerank) << c.dialect << " " << c.url;
    EXPECT_EQ(routes.score, c.score) << c.dialect << " " << c.url;
  }
  EXPECT_THAT(error_of([] { spec_named("tgi"); }), HasSubstr("use one of auto, rerank, vllm, tei"));
  EXPECT_EQ(spec_of_host("api.jina.ai")->dialect, Dialect::kJina);
  EXPECT_EQ(spec_of_host("notcohere.com"), nullptr);
}

TEST(RequestBody, IsWhatEachServerReads) {
  const RequestTexts texts{.queries = {"q"}, .documents = {"a\"\n", "", "Grüße"}};
  const auto body = [&texts](const char* dialect, const CallOptions& options) {
    return rerank_body(spec_named(dialect), texts, options, "m");
  };
  const std::string documents = R"(["a\"\n","","Grüße"])";
  EXPECT_EQ(body("rerank", {}),
            R"({"query":"q","documents":)" + documents + R"(,"model":"m","return_documents":false})");
  EXPECT_EQ(body("tei", {.truncate = false, .raw_scores = true}),
            R"({"query":"q","texts":)" + documents +
                R"(,"model":"m","raw_scores":true,"truncate":false,"return_text":false})");
  EXPECT_EQ(body("vllm", {.instruction = "i", .truncate = true, .raw_scores = true, .priority = -1}),
            R"({"query":"q","documents":)" + documents +
                R"(,"model":"m","chat_template_kwargs":{"instruction":"i"},"use_activation":false,)"
                R"("truncate_prompt_tokens":-1,"priority":-1})");
  EXPECT_EQ(body("vllm", {.truncate = false}),
            R"({"query":"q","documents":)" + documents + R"(,"model":"m"})");
  EXPECT_EQ(body("cohere", {.max_tokens_per_document = 9}),
            R"({"query":"q","documents":)" + documents + R"(,"model":"m","max_tokens_per_doc":9})");
  EXPECT_EQ(
      score_body(spec_named("rerank"), {.queries = {"q"}, .documents = {"d"}}, {.instruction = "i"}, ""),
      R"({"text_1":["q"],"text_2":["d"],"instruction":"i"})");
}

TEST(RequestBody, RefusesWhatAServerHasNoFieldFor) {
  const auto refused = [](const char* dialect, const CallOptions& options) {
    return error_of([&] { require_supported(spec_named(dialect), options); });
  };
  EXPECT_THAT(refused("tei", {.instruction = "i"}),
              HasSubstr("instruction: Text Embeddings Inference has no such field"));
  EXPECT_THAT(refused("jina", {.max_tokens_per_query = 1}), HasSubstr("max_tokens_per_query: Jina"));
  EXPECT_THAT(refused("infinity", {.max_tokens_per_document = 1}), HasSubstr("max_tokens_per_document"));
  EXPECT_THAT(refused("llama.cpp", {.raw_scores = true}), HasSubstr("raw_scores"));
  EXPECT_THAT(refused("cohere", {.truncate = false}), HasSubstr("truncate"));
  EXPECT_THAT(refused("tei", {.priority = 1}), HasSubstr("priority"));
  EXPECT_THAT(refused("rerank", {.max_tokens_per_query = -1}), HasSubstr("0 or more"));
  const CallOptions all{.instruction = "i",
                        .max_tokens_per_query = 1,
                        .max_tokens_per_document = 1,
                        .truncate = false,
                        .raw_scores = true,
                        .priority = 1};
  EXPECT_NO_THROW(require_supported(spec_named("rerank"), all));
  EXPECT_NO_THROW(require_supported(spec_named("vllm"), all));
}

TEST(Reply, ReadsEveryShape) {
  const std::vector<float> expected = {0.25F, 0.75F};
  for (
      const char* const body :
      {R"({"id":"r","model":"m","usage":{"prompt_tokens":7,"total_tokens":8},"results":[{"index":1,"document":{"text":"x"},"relevance_score":0.75},{"index":0,"relevance_score":0.25}]})",
       R"([{"index":1,"score":0.75},{"index":0,"score":0.25,"text":"[\"index\"]"}])",
       R"({"object":"rerank","results":[{"relevance_score":7.5e-1,"index":1,"document":"x"},{"relevance_score":0.25,"index":0,"document":null}]})",
       R"({"object":"list","data":[{"index":0,"object":"score","score":0.25},{"index":1,"object":"score","score":0.75}]})",
       R"({"object":"list","data":[{"relevance_score":0.75,"index":1},{"relevance_score":0.25,"index":0}],"usage":{"total_tokens":7}})",
       R"({"results":[{"index":0,"relevance_score":0.25},{"index":1,"relevance_score":0.75}],"id":"x","meta":{"billed_units":{"search_units":1},"tokens":{"input_tokens":7}}})"}) {
    EXPECT_EQ(read_scores(body, 2).scores, expected) << body;
  }
  const ScoredReply reply = read_scores(
      R"({"id":"r","model":"m","usage":{"total_tokens":8,"prompt_tokens":7},"results":[{"index":0,"relevance_score":1,"truncated":true}]})",
      1);
  EXPECT_EQ(reply.model, "m");
  EXPECT_EQ(reply.id, "r");
  EXPECT_EQ(reply.num_tokens, 7);
  EXPECT_THAT(reply.truncated, ElementsAre(true));
  EXPECT_EQ(read_scores(R"([{"index":0,"score":1}])", 1).num_tokens, std::nullopt);
}

TEST(Reply, RefusesWhatMakesNoSense) {
  struct Case {
    const char* body;
    const char* message;
  };
  for (const Case& c :
       {Case{"", "empty"}, Case{"nothing", "not JSON"},
        Case{"<html><head><title>502 Bad\nGateway</title></head>", "titled \"502 Bad Gateway\""},
        Case{R"({"results":[]} x)", "more text"}, Case{R"("text")", "no list of results"},
        Case{R"({"results":{}})", "no list of results"}, Case{R"({"error":{"message":"sorry"}})", "sorry"},
        Case{R"({"results":[{"relevance_score":1},{"relevance_score":1}]})", "result 0 has no index"},
        Case{R"({"results":[{"index":1.0,"relevance_score":1}]})", "result 0 has no index"},
        Case{R"({"results":[{"index":2,"relevance_score":1}]})", "index 2, but there are 2"},
        Case{R"({"results":[{"index":-1,"relevance_score":1}]})", "index -1, but there are 2"},
        Case{R"({"results":[{"index":0,"relevance_score":1},{"index":0,"relevance_score":1}]})",
             "two results have the index 0"},
        Case{R"({"results":[{"index":1,"relevance_score":1}]})",
             "1 results for 2 documents: index 0 is missing"},
        Case{R"({"results":[{"index":0},{"index":1}]})", "result 0 has no score"},
        Case{R"({"results":[{"index":0,"relevance_score":null},{"index":1}]})", "no score"},
        Case{R"({"results":[{"index":0,"relevance_score":"1"},{"index":1}]})", "is not a number"},
        Case{R"({"results":[{"index":0,"relevance_score":NaN},{"index":1}]})", "not JSON"},
        Case{R"({"results":[{"index":0,"relevance_score":1e39},{"index":1}]})", "is not a number"},
        Case{R"({"results":[0,1]})", "has no index"}}) {
    EXPECT_THAT(error_of([&] { read_scores(c.body, 2); }), HasSubstr(c.message)) << c.body;
  }
  EXPECT_THAT(error_of([] { read_scores(std::string(100'000, '['), 2); }), HasSubstr("not JSON"));
}

TEST(Reply, ShowsOnlyTheBeginningAndNothingThatSteersATerminal) {
  const std::string message = server_message("\x1b[31m" + std::string(10'000, 'x'));
  EXPECT_LT(message.size(), 400U);
  EXPECT_EQ(message.find('\x1b'), message.npos);
  EXPECT_TRUE(message.ends_with("...")) << message;
  EXPECT_LT(server_message(std::string(10'000, '\xa4')).size(), 310U) << "no UTF-8";
}

TEST(Reply, FindsTheServersMessage) {
  for (const char* const body :
       {R"({"error":{"message":"wrong","type":"t","code":400},"message":"wrong","detail":"wrong"})",
        R"({"message":"wrong"})", R"({"detail":"wrong"})", R"({"error":"wrong","error_type":"Validation"})",
        R"({"id":"x","message":"wrong"})", R"({"detail":{"error":"wrong"}})", "wrong",
        "<title> wrong</title>"}) {
    EXPECT_THAT(server_message(body), HasSubstr("wrong")) << body;
    EXPECT_EQ(server_message(body).find('{'), std::string::npos) << body;
  }
  EXPECT_EQ(
      server_message(R"({"detail":[{"loc":["body","query"],"msg":"Field required","type":"missing"}]})"),
      "body.query: Field required");
  EXPECT_EQ(server_message(""), "");
}

// Messages of a server are shown on terminals and in logs.
TEST(Reply, WhatSteersATerminalIsNotShown) {
  EXPECT_EQ(server_message("a\u009b31m b\u0085c\u2028d\u2029e\u202ef\x1b[2Jg\n\nh\xff"),
            "a 31m b c d e f [2Jg h?");
  EXPECT_EQ(server_message(std::string(400, 'x')), std::string(300, 'x') + "...");
}

std::uint32_t bits_of(float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

TEST(ParseFloat, KeepsEveryBit) {
  std::mt19937 random(7);
  std::vector<float> values = {0.0F,
                               -0.0F,
                               1.0F,
                               std::numeric_limits<float>::min(),
                               std::numeric_limits<float>::denorm_min(),
                               std::numeric_limits<float>::max(),
                               std::nextafter(1.0F, 0.0F),
                               std::nextafter(0.5F, 1.0F)};
  while (values.size() < 20'000) {
    const std::uint32_t bits = random();
    float value;
    std::memcpy(&value, &bits, sizeof value);
    if (std::isfinite(value)) values.push_back(value);
  }
  for (const float value : values) {
    char shortest[64];
    char widened[64];
    *std::to_chars(shortest, shortest + 63, value).ptr = '\0';
    *std::to_chars(widened, widened + 63, static_cast<double>(value)).ptr = '\0';  // as Python writes it
    for (const char* const digits : {shortest, widened}) {
      const std::optional<float> parsed = parse_float(digits);
      ASSERT_TRUE(parsed.has_value()) << digits;
      ASSERT_EQ(bits_of(*parsed), bits_of(value)) << digits;
    }
  }
}

TEST(ParseFloat, RoundsOnceAndKnowsTheEnds) {
  // Just above the midpoint of 1 and the next float: rounding to double first would give 1.
  EXPECT_EQ(bits_of(*parse_float("1.0000000596046447753906251")), bits_of(std::nextafter(1.0F, 2.0F)));
  EXPECT_EQ(parse_float("1e-60"), 0.0F);
  EXPECT_EQ(bits_of(*parse_float("-1e-60")), bits_of(-0.0F));
  EXPECT_EQ(parse_float("1e-400"), 0.0F);
  EXPECT_EQ(parse_float("1e39"), std::nullopt);
  EXPECT_EQ(parse_float("1e400"), std::nullopt);
  EXPECT_EQ(parse_float("x"), std::nullopt);
  EXPECT_EQ(parse_float(""), std::nullopt);
}

std::vector<std::vector<std::size_t>> positions_of(const std::vector<RequestPart>& parts) {
  std::vector<std::vector<std::size_t>> positions;
  for (const RequestPart& part : parts) positions.push_back(part.positions);
  return positions;
}

TEST(RequestSplit, CutsByNumberAndBytes) {
  const std::string query = "q";  // the parts refer to it
  const std::vector<std::string> documents = {"a", "b", "c", "d", "e"};
  const auto parts = split_documents(query, documents, {.max_documents = 2, .max_bytes = 1000});
  EXPECT_THAT(positions_of(parts), ElementsAre(ElementsAre(0, 1), ElementsAre(2, 3), ElementsAre(4)));
  EXPECT_THAT(parts[1].texts.queries, ElementsAre("q"));
  EXPECT_THAT(parts[1].texts.documents, ElementsAre("c", "d"));
  // Each text takes 4 bytes: quotes, letter, comma.
  EXPECT_THAT(positions_of(split_documents(query, documents, {.max_documents = 9, .max_bytes = 12})),
              ElementsAre(ElementsAre(0, 1), ElementsAre(2, 3), ElementsAre(4)));
  EXPECT_THAT(positions_of(split_documents(query, documents, {.max_documents = 9, .max_bytes = 1})).size(),
              5U);
}

TEST(RequestSplit, KeepsPairsTogether) {
  const std::vector<std::string> queries = {"q", "r", "q", "q"};
  const std::vector<std::string> documents = {"a", "b", "c", "d"};
  const RequestLimits limits{.max_documents = 2, .max_bytes = 1000};
  const auto pairs = split_pairs(queries, documents, limits);
  EXPECT_THAT(positions_of(pairs), ElementsAre(ElementsAre(0, 1), ElementsAre(2, 3)));
  EXPECT_THAT(pairs[0].texts.queries, ElementsAre("q", "r"));
  EXPECT_THAT(pairs[0].texts.documents, ElementsAre("a", "b"));
  const auto by_query = split_by_query(queries, documents, limits);
  EXPECT_THAT(positions_of(by_query), ElementsAre(ElementsAre(0, 2), ElementsAre(3), ElementsAre(1)));
  EXPECT_THAT(by_query[0].texts.queries, ElementsAre("q"));
  EXPECT_THAT(by_query[0].texts.documents, ElementsAre("a", "c"));
}

}  // namespace
}  // namespace rerank::client
