// Flags of vLLM's scripts: taken where they ask for what this program does, refused by name elsewhere.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "apps/rerank/command.h"
#include "apps/rerank/flags/serve_flags.h"

namespace rerank::cli {
namespace {

std::string usage_error_of(const ServeFlags& flags) {
  try {
    check_vllm_flags(flags);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "";
}

TEST(VllmFlags, WhatAsksForScoringIsTaken) {
  ServeFlags flags;
  EXPECT_EQ(usage_error_of(flags), "");
  flags.task = "score";
  flags.runner = "pooling";
  flags.convert = "classify";
  flags.hf_overrides =
      R"({"architectures":["Qwen3ForSequenceClassification"],"classifier_from_token":["no","yes"],)"
      R"("is_original_qwen3_reranker":true})";
  EXPECT_EQ(usage_error_of(flags), "");
}

TEST(VllmFlags, WhatAsksForSomethingElseIsRefusedByName) {
  ServeFlags flags;
  flags.task = "embed";
  EXPECT_NE(usage_error_of(flags).find("--task embed"), std::string::npos);
  flags = {};
  flags.hf_overrides = R"({"classifier_from_token":["yes","no"]})";
  EXPECT_NE(usage_error_of(flags).find("classifier_from_token"), std::string::npos);
  flags.hf_overrides = R"({"is_original_qwen3_reranker":false})";
  EXPECT_NE(usage_error_of(flags), "");
  flags.hf_overrides = "{";
  EXPECT_NE(usage_error_of(flags).find("--hf-overrides"), std::string::npos);
}

TEST(VllmFlags, AListIsJsonOrOneWord) {
  using Words = std::vector<std::string>;
  EXPECT_EQ(listed_words("https://a.example", "--allowed-origins"), Words{"https://a.example"});
  EXPECT_EQ(listed_words(R"(["a","b"])", "--allowed-origins"), (Words{"a", "b"}));
  EXPECT_EQ(listed_words("[]", "--allowed-origins"), Words{});
  EXPECT_THROW(listed_words("[1]", "--allowed-origins"), UsageError);
  EXPECT_THROW(listed_words(R"(["a")", "--allowed-origins"), UsageError);
}

}  // namespace
}  // namespace rerank::cli
