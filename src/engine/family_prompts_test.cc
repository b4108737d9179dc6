// The prompts of published rerankers give the same ids as their publishers' code, and are truncated at the
// same place.

#include "tests/support/family_prompts.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <sstream>
#include <string>

#include "engine/encode/request_encoder.h"
#include "tests/support/test_tokenizer_file.h"

namespace rerank {
namespace {

namespace json = boost::json;

// By the names in the references.
const std::map<std::string, Prompt>& prompts() {
  static const std::map<std::string, Prompt> kPrompts = {
      {"qwen3-seqcls", qwen3_reranker_prompt()},
      {"qwen3-logitscore", tuned_prompt()},
      {"zerank", published_prompt("zerank")},
      {"ctxl", published_prompt("ctxl-rerank-v2")},
      {"mxbai", published_prompt("mxbai-rerank-base-v2")},
      {"gemma", published_prompt("bge-reranker-v2-gemma")}};
  return kPrompts;
}

std::string text_of(const std::filesystem::path& file) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

std::string text_or_empty(const json::value& from, const char* key) {
  const json::value* found = from.as_object().if_contains(key);
  return found == nullptr || found->is_null() ? std::string() : std::string(found->as_string());
}

struct Encoded {
  TokenIds ids;
  bool truncated = false;
};

// nullopt if there is no room for the query.
std::optional<Encoded> encoded(const RequestEncoder& encoder, const json::value& from) {
  Request request;
  request.query = from.at("query").as_string();
  request.documents = {std::string(from.at("document").as_string())};
  request.instruction = text_or_empty(from, "instruction");
  try {
    const EncodedHead head = encoder.encode_head(request);
    Encoded all;
    for (const TokenIds& part : head.parts) {
      EXPECT_FALSE(part.empty());
      all.ids.insert(all.ids.end(), part.begin(), part.end());
    }
    const EncodedDocument document = encoder.encode_document(request, 0, head);
    all.ids.insert(all.ids.end(), document.ids.begin(), document.ids.end());
    all.truncated = document.truncated;
    return all;
  } catch (const Error& error) {
    EXPECT_TRUE(error.subject().too_long) << error.what();
    return std::nullopt;
  }
}

// The max_model_len with which the texts have the publisher's limit.
std::int32_t max_model_len(const Prompt& prompt, const Tokenizer& tokenizer, std::int64_t limit) {
  return static_cast<std::int32_t>(limit) + tokens_outside_limit(prompt, tokenizer);
}

// tests/data/prompts.jsonl: the ids that each publisher's code produces with Hugging Face tokenizers 0.23,
// cut to its limit.
TEST(FamilyPrompts, GoldenIds) {
  if (!test_tokenizer_file()) GTEST_SKIP() << kNoTestTokenizer;
  std::map<std::string, std::unique_ptr<RequestEncoder>> encoders;
  std::ifstream file(std::filesystem::path(RERANK_SOURCE_DIR) / "tests/data/prompts.jsonl");
  int num_cases = 0;
  for (std::string line; std::getline(file, line); ++num_cases) {
    const json::value wanted = json::parse(line);
    const std::string family(wanted.at("family").as_string());
    std::unique_ptr<RequestEncoder>& encoder = encoders[family];
    if (encoder == nullptr) {
      Tokenizer tokenizer = Tokenizer::load(*test_tokenizer_file());
      const Prompt& prompt = prompts().at(family);
      const std::int32_t most = max_model_len(prompt, tokenizer, wanted.at("limit").as_int64());
      encoder = std::make_unique<RequestEncoder>(
          std::move(tokenizer), prompt, EncoderOptions{.parse_special_tokens = true, .max_model_len = most});
    }
    const std::optional<Encoded> found = encoded(*encoder, wanted);
    ASSERT_TRUE(found) << line;
    EXPECT_EQ(found->ids, json::value_to<TokenIds>(wanted.at("ids"))) << line.substr(0, 200);
  }
  EXPECT_GT(num_cases, 20);
}

// Checkpoints with the ids that their publishers' code produces for long lists of texts, in $RERANK_ORACLE.
TEST(FamilyPrompts, IdsOfTheReferences) {
  const char* folder = std::getenv("RERANK_ORACLE");
  if (folder == nullptr) GTEST_SKIP() << "set RERANK_ORACLE";
  for (const auto& directory : std::filesystem::directory_iterator(folder)) {
    const json::value reference = json::parse(text_of(directory.path() / "reference.json"));
    const std::string family(reference.at("family").as_string());
    if (!prompts().contains(family)) continue;
    std::optional<Tokenizer> read;
    try {
      read.emplace(Tokenizer::load(directory.path() / "tokenizer.json"));
    } catch (const Error& error) {
      std::cout << error.what() << "\n";
      if (error.code() == ErrorCode::kUnsupported) continue;
      throw;
    }
    Tokenizer tokenizer = std::move(*read);
    const Prompt& prompt = prompts().at(family);
    const json::value config = json::parse(text_of(directory.path() / "config.json"));
    const std::int32_t most = std::min(max_model_len(prompt, tokenizer, reference.at("limit").as_int64()),
                                       json::value_to<std::int32_t>(config.at("max_position_embeddings")));
    const RequestEncoder encoder(std::move(tokenizer), prompt,
                                 {.parse_special_tokens = true, .max_model_len = most});
    std::map<std::string, int> counts;
    for (const json::value& wanted : reference.at("cases").as_array()) {
      const std::string kind(wanted.at("kind").as_string());
      const std::optional<Encoded> found = encoded(encoder, wanted);
      if (!found) {
        ++counts["refused"];
        EXPECT_EQ(prompt.query_percent, 0) << family << ": " << kind;
        continue;
      }
      const bool is_equal = found->ids == json::value_to<TokenIds>(wanted.at("token_ids"));
      ++counts[is_equal ? "equal" : "other"];
      // The publisher's prompt loses the end of the query in this case.
      const bool keeps_its_query = family == "ctxl" && found->truncated;
      EXPECT_TRUE(is_equal || keeps_its_query) << family << ": " << kind << " " << wanted.at("query");
    }
    for (const auto& [what, count] : counts) {
      std::cout << directory.path().filename() << ": " << count << " " << what << "\n";
    }
  }
}

}  // namespace
}  // namespace rerank
