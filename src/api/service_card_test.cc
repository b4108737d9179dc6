#include "api/service_card.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "api/api_error.h"
#include "api/dialects/dialects.h"
#include "rerank/version.h"

namespace rerank::api {
namespace {

namespace json = boost::json;

ServiceCard card() {
  return {.served_names = {"Qwen/Qwen3-Reranker-0.6B", "short"},
          .model = "models/x",
          .dtype = "bfloat16",
          .created = 1700000000,
          .max_model_len = 8192,
          .max_documents = 1000,
          .needs_key = true};
}

TEST(ServiceCard, ListsEveryServedName) {
  const json::value models = json::parse(write_models(card(), kStandard));
  EXPECT_EQ(models.at("object"), "list");
  ASSERT_EQ(models.at("data").as_array().size(), 2U);
  EXPECT_EQ(models.at("data").at(0).at("id"), "Qwen/Qwen3-Reranker-0.6B");
  EXPECT_EQ(models.at("data").at(1).at("model_type"), "rerank");
  EXPECT_EQ(models.at("data").at(1).at("max_model_len"), 8192);
}

TEST(ServiceCard, NamesInfinityToItsClient) {
  const json::value models = json::parse(write_models(card(), kInfinity));
  EXPECT_EQ(models.at("data").at(0).at("owned_by"), "infinity");
}

TEST(ServiceCard, KnowsOneModelByItsName) {
  EXPECT_EQ(json::parse(write_model(card(), "short")).at("id"), "short");
  EXPECT_THROW(write_model(card(), "gone"), ApiError);
}

TEST(ServiceCard, LeavesNoKeyOfTeiOut) {
  const json::value info = json::parse(write_info(card()));
  for (const char* key :
       {"model_id", "model_sha", "model_dtype", "model_type", "max_concurrent_requests", "max_input_length",
        "max_batch_tokens", "max_batch_requests", "max_client_batch_size", "auto_truncate",
        "tokenization_workers", "version", "sha", "docker_label"}) {
    EXPECT_TRUE(info.as_object().contains(key)) << key;
  }
  EXPECT_TRUE(info.at("model_type").at("reranker").at("id2label").is_object());
  EXPECT_EQ(info.at("version"), version());
}

TEST(ServiceCard, TellsTheRest) {
  EXPECT_EQ(write_cluster_auth(card()), R"({"auth":true})");
  EXPECT_EQ(write_meta(), "{}");
  EXPECT_EQ(json::parse(write_version()).at("version"), version());
  EXPECT_EQ(json::parse(write_health(false, "The model is being loaded.")).at("status"), "unavailable");
}

}  // namespace
}  // namespace rerank::api
