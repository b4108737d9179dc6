// Logits of whole checkpoints, with 48 cases each, as Hugging Face Transformers computes them in float32: the
// folders of $RERANK_ORACLE, each a model with its reference.json. They are too large for the repository;
// one of them, bert-trained, has the weights of a trained encoder.
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "rerank/error.h"
#include "tests/golden/family_file.h"
#include "tests/golden/golden_file.h"
#include "tests/support/backend_variants.h"
#include "tests/support/open_reranker.h"

namespace rerank {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

constexpr double kFloat32Limit = 1e-4;

// As multiples of Transformers' own bfloat16 error, root mean square.
constexpr double kBFloat16Factor = 1.5;
constexpr double kInt8Factor = 3;
constexpr double kFp8Factor = 8;

// Decoders have no prompt of their own here: by the family's name in the reference.
std::string prompt_of(const std::string& family) {
  static const std::map<std::string, std::string> kPrompts = {{"qwen3-seqcls", "qwen3-reranker"},
                                                              {"qwen3-logitscore", "qwen3-reranker"},
                                                              {"zerank", "zerank"},
                                                              {"ctxl", "ctxl-rerank-v2"},
                                                              {"mxbai", "mxbai-rerank-base-v2"},
                                                              {"gemma", "bge-reranker-v2-gemma"}};
  const auto found = kPrompts.find(family);
  return found == kPrompts.end() ? "" : found->second;
}

class OracleModel {
 public:
  explicit OracleModel(const fs::path& folder) : folder_(folder) {
    std::ifstream file(folder / "reference.json");
    const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    json_ = json::parse(text);
    for (const json::value& entry : json_.at("cases").as_array()) {
      Case& to = cases_.emplace_back();
      to.ids = json::value_to<std::vector<std::int32_t>>(entry.at("token_ids"));
      to.logit = entry.at("logit").to_number<double>();
      max_tokens_ = std::max(max_tokens_, static_cast<std::int32_t>(to.ids.size()));
      if (const json::value* found = entry.as_object().if_contains("token_type_ids")) {
        const auto types = json::value_to<std::vector<std::int32_t>>(*found);
        to.type_border = static_cast<std::int32_t>(std::ranges::find(types, 1) - types.begin());
      }
    }
  }

  std::unique_ptr<Model> create() const {
    const std::shared_ptr<Checkpoint> checkpoint = open_model(folder_.string());
    const Reranker reranker =
        read_reranker(*checkpoint, {.prompt = prompt_of(std::string(json_.at("family").as_string()))});
    AnswerIds answers;
    if (const json::array* ids = json_.at("answers").if_array()) {
      answers.yes = ids->at(0).to_number<std::int32_t>();
      if (ids->size() > 1) answers.no = ids->at(1).to_number<std::int32_t>();
    }
    return create_model(checkpoint, reranker, answers, max_tokens_);
  }

  GoldenError error_on(const BackendVariant& variant) const {
    const auto model = create();
    const auto backend = create_backend(options_of(variant, 2));
    backend->load(
        model->weights(),
        {.max_tokens = max_tokens_, .max_segments = 1, .max_scores = 1, .max_ranges = 1, .num_slots = 1});
    GoldenError error;
    for (const Case& c : cases_) error.add(c.logit, logit_of(*model, *backend, c.ids, c.type_border));
    return error;
  }

  double bfloat16_rms() const { return json_.at("bf16_error").at("rms").as_double(); }

 private:
  struct Case {
    std::vector<std::int32_t> ids;
    std::int32_t type_border = kOneType;
    double logit = 0;
  };

  fs::path folder_;
  json::value json_;
  std::vector<Case> cases_;
  std::int32_t max_tokens_ = 0;
};

class OracleScoresTest : public testing::TestWithParam<BackendVariant> {};

TEST_P(OracleScoresTest, AreThoseOfTransformers) {
  const char* folder = std::getenv("RERANK_ORACLE");
  if (folder == nullptr)
    GTEST_SKIP() << "needs checkpoints with reference scores: set RERANK_ORACLE to their folder";
  const BackendVariant& variant = GetParam();
  int num_models = 0;
  for (const auto& directory : fs::directory_iterator(folder)) {
    SCOPED_TRACE(directory.path().filename().string());
    const OracleModel model(directory.path());
    GoldenError error;
    try {
      error = model.error_on(variant);
    } catch (const Error& refused) {
      if (refused.code() != ErrorCode::kUnsupported) throw;
      std::cout << directory.path().filename() << ": " << refused.what() << "\n";
      continue;
    }
    ++num_models;
    const double in_bfloat16 = error.rms() / model.bfloat16_rms();
    std::cout << directory.path().filename().string() << ": rms " << error.rms() << ", " << in_bfloat16
              << " of Transformers' bfloat16, largest " << error.largest() << "\n";
    if (!variant.rounds()) {
      EXPECT_LE(error.largest(), kFloat32Limit);
    } else {
      EXPECT_LE(in_bfloat16, variant.quantization == "fp8"    ? kFp8Factor
                             : variant.quantization == "int8" ? kInt8Factor
                                                              : kBFloat16Factor);
    }
  }
  EXPECT_GT(num_models, 0) << "no checkpoint in " << folder;
}

INSTANTIATE_TEST_SUITE_P(All, OracleScoresTest, testing::ValuesIn(scoring_variants()),
                         [](const testing::TestParamInfo<BackendVariant>& test) {
                           return test.param.name();
                         });

}  // namespace
}  // namespace rerank
