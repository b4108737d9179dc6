#include "api/reply.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "api/dialects/dialects.h"

namespace rerank::api {
namespace {

namespace json = boost::json;
using testing::ElementsAre;
using testing::Pair;

const ReplyStamp kStamp{.id = "1", .model = "demo", .created = 1700000000};

// Scores 0.25, 0.75, 0.25, 0.5; logit differences are 2, 4, 2, 3 above -6; the second document was cut.
Result four_scores() {
  Result result;
  result.num_tokens = 40;
  for (const float score : {0.25F, 0.75F, 0.25F, 0.5F}) {
    result.documents.push_back({.score = score, .logit_yes = score * 8, .logit_no = 6, .num_tokens = 10});
  }
  result.documents[1].truncated = true;
  return result;
}

ScoringCall call_of(const Dialect& dialect) {
  ScoringCall call;
  call.dialect = &dialect;
  call.echo = {"a", "b\"", "c", "d"};
  call.num_documents = 4;
  return call;
}

json::value reply(const ScoringCall& call) {
  return json::parse(write_reply(call, four_scores(), kStamp));
}

std::vector<std::int64_t> indices(const json::value& items) {
  std::vector<std::int64_t> found;
  for (const json::value& item : items.as_array()) found.push_back(item.at("index").as_int64());
  return found;
}

TEST(WriteReply, RanksHighestFirstThenByIndex) {
  const json::value body = reply(call_of(kStandard));
  EXPECT_THAT(indices(body.at("results")), ElementsAre(1, 3, 0, 2));
  EXPECT_EQ(body.at("id"), "rerank-1");
  EXPECT_EQ(body.at("model"), "demo");
  EXPECT_EQ(body.at("usage").at("total_tokens"), 40);
  EXPECT_EQ(body.at("meta").at("tokens").at("input_tokens"), 40);
  EXPECT_FALSE(body.as_object().contains("object"));
  const json::value& best = body.at("results").at(0);
  EXPECT_EQ(best.at("relevance_score"), 0.75);
  EXPECT_EQ(best.at("document").at("text"), "b\"");
  EXPECT_EQ(best.at("truncated"), true);
  EXPECT_FALSE(body.at("results").at(1).as_object().contains("truncated"));
}

TEST(WriteReply, CutsAtTopNButCountsAllTokens) {
  ScoringCall call = call_of(kStandard);
  call.top_n = 3;
  const json::value body = reply(call);
  EXPECT_THAT(indices(body.at("results")), ElementsAre(1, 3, 0));
  EXPECT_EQ(body.at("usage").at("prompt_tokens"), 40);
  call.top_n = 9;
  EXPECT_EQ(reply(call).at("results").as_array().size(), 4U);
}

TEST(WriteReply, LeavesTextsOutWhereNoneAreWanted) {
  ScoringCall call = call_of(kStandard);
  call.echo.clear();
  EXPECT_FALSE(reply(call).at("results").at(0).as_object().contains("document"));
}

TEST(WriteReply, GivesRawScoresAsLogitDifferences) {
  ScoringCall call = call_of(kStandard);
  call.activation = Activation::kNone;
  const json::value body = reply(call);
  EXPECT_EQ(body.at("results").at(0).at("relevance_score"), 0.0);
  EXPECT_EQ(body.at("results").at(3).at("relevance_score"), -4.0);
}

TEST(WriteReply, MakesSigmoidsOfTheLogits) {
  ScoringCall call = call_of(kTei);
  call.activation = Activation::kSigmoid;
  const json::value body = reply(call);
  EXPECT_THAT(indices(body), ElementsAre(1, 3, 0, 2));
  EXPECT_EQ(body.at(0).at("score"), 0.5);
  EXPECT_FLOAT_EQ(body.at(3).at("score").to_number<float>(), 1 / (1 + std::exp(4.0F)));
}

TEST(WriteReply, SpeaksCohere) {
  const json::value body = reply(call_of(kCohere));
  EXPECT_EQ(body.at("meta").at("api_version").at("version"), "2");
  EXPECT_EQ(body.at("results").at(0).at("document").at("text"), "b\"");
}

TEST(WriteReply, SpeaksTei) {
  EXPECT_EQ(write_reply(call_of(kTei), four_scores(), kStamp),
            R"([{"index":1,"score":0.75,"text":"b\"","truncated":true},{"index":3,"score":0.5,"text":"d"},)"
            R"({"index":0,"score":0.25,"text":"a"},{"index":2,"score":0.25,"text":"c"}])");
}

TEST(WriteReply, SpeaksWeaviateInTheOrderOfTheRequest) {
  EXPECT_EQ(write_reply(call_of(kWeaviate), four_scores(), kStamp),
            R"({"scores":[{"document":"a","score":0.25},{"document":"b\"","score":0.75,"truncated":true},)"
            R"({"document":"c","score":0.25},{"document":"d","score":0.5}]})");
}

TEST(WriteReply, SpeaksNimInLogits) {
  ScoringCall call = call_of(kNim);
  call.activation = Activation::kNone;
  call.echo.clear();
  call.top_n = 2;
  EXPECT_EQ(write_reply(call, four_scores(), kStamp),
            R"({"rankings":[{"index":1,"logit":0.0,"truncated":true},{"index":3,"logit":-2.0}]})");
}

TEST(WriteReply, SpeaksVoyageBesideTheStandard) {
  const json::value body = reply(call_of(kVoyage));
  EXPECT_EQ(body.at("data").at(0).at("document"), "b\"");
  EXPECT_EQ(body.at("results").at(0).at("document").at("text"), "b\"");
  EXPECT_THAT(indices(body.at("data")), ElementsAre(1, 3, 0, 2));
}

TEST(WriteReply, SpeaksMixedbread) {
  ScoringCall call = call_of(kMixedbread);
  call.top_n = 1;
  const json::value body = reply(call);
  EXPECT_EQ(body.at("object"), "list");
  EXPECT_EQ(body.at("data").at(0).at("input"), "b\"");
  EXPECT_EQ(body.at("data").at(0).at("object"), "rank_result");
  EXPECT_EQ(body.at("top_k"), 1);
  EXPECT_EQ(body.at("return_input"), true);
}

TEST(WriteReply, SpeaksInfinity) {
  const json::value body = reply(call_of(kInfinity));
  EXPECT_EQ(body.at("object"), "rerank");
  EXPECT_EQ(body.at("results").at(0).at("document"), "b\"");
}

TEST(WriteReply, ScoresInTheOrderOfTheRequest) {
  ScoringCall call = call_of(kScore);
  call.echo.clear();
  const json::value body = reply(call);
  EXPECT_EQ(body.at("id"), "score-1");
  EXPECT_EQ(body.at("object"), "list");
  EXPECT_THAT(indices(body.at("data")), ElementsAre(0, 1, 2, 3));
  EXPECT_EQ(body.at("data").at(1).at("score"), 0.75);
  EXPECT_TRUE(body.at("usage").at("prompt_tokens_details").is_null());
}

TEST(WriteReply, WritesTheBitsOfEveryScore) {
  ScoringCall call;
  call.dialect = &kTei;
  for (const float score : {0.1F, 1.0F, 0.0F, 1e-30F, std::nextafter(1.0F, 0.0F), 1.4e-45F, 0.33333334F}) {
    Result result;
    result.documents = {{.score = score}};
    const std::string text = write_reply(call, result, kStamp);
    const std::size_t at = text.find("\"score\":") + 8;
    EXPECT_EQ(std::strtof(text.c_str() + at, nullptr), score) << text;
    EXPECT_NE(text.find_first_of(".e", at), std::string::npos) << text;
  }
}

// Or replies would not be charged for in full.
TEST(WriteReply, TakesNoMoreThanItsBound) {
  std::vector<const Dialect*> all(dialects().begin(), dialects().end());
  all.push_back(&kScore);
  for (const Dialect* dialect : all) {
    ScoringCall call = call_of(*dialect);
    call.num_documents = 10'000;
    call.echo.assign(call.num_documents, std::string("\x7f\x01 \"\n") + std::string(20, '\x7f'));
    call.activation = Activation::kNone;
    Result result;
    result.num_tokens = std::numeric_limits<std::int64_t>::max();
    result.documents.resize(call.num_documents);
    for (DocumentScore& score : result.documents) {
      score = {.score = 1.17549435e-38F, .logit_yes = -1.17549435e-38F, .truncated = true};
    }
    const std::string model(200, '"');
    const std::string text = write_reply(call, result, {.id = std::string(128, '"'), .model = model});
    EXPECT_LE(text.capacity(), reply_bytes(call, model)) << dialect->name;
  }
}

TEST(WriteReply, RefusesToSendNan) {
  Result result;
  result.documents = {{.score = std::numeric_limits<float>::quiet_NaN()}};
  EXPECT_THROW(write_reply({}, result, kStamp), Error);
}

TEST(TimingHeaders, AreMilliseconds) {
  Result result;
  result.num_tokens = 12;
  result.timings = {.queue = std::chrono::microseconds(1500),
                    .tokenize = std::chrono::milliseconds(2),
                    .compute = std::chrono::milliseconds(30),
                    .total = std::chrono::milliseconds(34)};
  EXPECT_THAT(timing_headers(result, std::chrono::milliseconds(40)),
              ElementsAre(Pair("x-compute-time", "32.000"), Pair("x-total-time", "40.000"),
                          Pair("x-queue-time", "1.500"), Pair("x-tokenization-time", "2.000"),
                          Pair("x-inference-time", "30.000"), Pair("x-compute-tokens", "12")));
}

TEST(AcceptedRequestId, KeepsWhatIsPrintable) {
  EXPECT_EQ(accepted_request_id("abc-1\r\nx\xff"), "abc-1x");
  EXPECT_EQ(accepted_request_id(std::string(300, 'a')).size(), 128U);
}

}  // namespace
}  // namespace rerank::api
