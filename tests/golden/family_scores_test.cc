// Logits of synthetic models of every family, as Hugging Face Transformers computes them in float32
// (tests/data/family-scores.json: token ids of the publishers' prompts, and the recipe of the weights).
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "model/synthetic/synthetic_checkpoint.h"
#include "rerank/error.h"
#include "tests/support/backend_variants.h"
#include "tests/support/open_reranker.h"
#include "tests/support/test_source_directory.h"

namespace rerank {
namespace {

// Another GELU is 4e-5 to 4e-4 away, another epsilon of a norm 3e-5 to 2e-3.
constexpr double kFloat32Limit = 3e-5;

boost::json::array read_models() {
  std::ifstream file(test_source_directory() / "tests/data/family-scores.json");
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  return boost::json::parse(text).as_array();
}

std::vector<std::string> model_names() {
  std::vector<std::string> names;
  const boost::json::array models = read_models();
  for (const boost::json::value& model : models) names.emplace_back(model.at("name").as_string());
  return names;
}

std::vector<BackendVariant> variants() {
  std::vector<BackendVariant> all = scoring_variants();
  all.insert(all.begin(), {"reference", "float32", "none"});
  return all;
}

// (model, variant)
class FamilyScoresTest : public testing::TestWithParam<std::tuple<std::string, BackendVariant>> {
 protected:
  FamilyScoresTest() {
    const boost::json::array models = read_models();
    for (const boost::json::value& model : models) {
      if (model.at("name").as_string() == std::get<0>(GetParam())) model_ = model;
    }
  }

  std::unique_ptr<Model> create() const {
    const auto checkpoint = std::make_shared<SyntheticCheckpoint>(SyntheticOptions{
        .config_json = boost::json::serialize(model_.at("config")),
        .size_name = std::get<0>(GetParam()),
        .recipe = {.seed = model_.at("seed").to_number<std::uint64_t>(), .std = model_.at("std").as_double()},
        .files = files()});
    const Reranker reranker =
        read_reranker(*checkpoint, {.prompt = std::string(model_.at("prompt").as_string())});
    return create_model(
        checkpoint, reranker,
        {.no = model_.at("no").to_number<std::int32_t>(), .yes = model_.at("yes").to_number<std::int32_t>()},
        400);
  }

  // Beside config.json: sentence-transformers' modules.
  std::map<std::string, std::string> files() const {
    std::map<std::string, std::string> all;
    if (!model_.as_object().contains("files")) return all;
    for (const boost::json::key_value_pair& file : model_.at("files").as_object())
      all.emplace(file.key(), file.value().as_string());
    return all;
  }

  boost::json::value model_;
};

// As a multiple of the rms of Transformers' own bfloat16 over all 48 cases: eight scatter, and models of a
// few layers have little that is not quantized.
double limit_of(const BackendVariant& variant) {
  if (variant.quantization == "fp8") return 12;
  return variant.quantization == "int8" ? 5 : 2;
}

float logit_of(const Model& model, Backend& backend, const boost::json::value& entry) {
  PackedBatch batch;
  for (const boost::json::value& id : entry.at("ids").as_array()) {
    batch.ids.push_back(id.to_number<std::int32_t>());
  }
  batch.segments = {{.first_row = 0, .num_tokens = batch.num_tokens(), .score = 0}};
  if (const boost::json::value* border = entry.as_object().if_contains("border"))
    batch.segments.front().type_border = border->to_number<std::int32_t>();
  batch.num_scores = 1;
  std::vector<float> logits(2);
  backend.begin(batch);
  model.forward(backend);
  backend.finish(logits);
  return logits[1] - logits[0];
}

TEST_P(FamilyScoresTest, AreThoseOfTransformers) {
  const BackendVariant& variant = std::get<1>(GetParam());
  const auto model = create();
  const auto backend = create_backend(options_of(variant, 2));
  try {
    backend->load(model->weights(),
                  {.max_tokens = 400, .max_segments = 2, .max_scores = 1, .max_ranges = 1, .num_slots = 1});
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kUnsupported) throw;
    GTEST_SKIP() << error.what();
  }
  double squares = 0;
  const boost::json::array& cases = model_.at("cases").as_array();
  for (const boost::json::value& entry : cases) {
    const double wanted = entry.at("logit").to_number<double>();
    const double error = logit_of(*model, *backend, entry) - wanted;
    squares += error * error;
    if (!variant.bfloat16()) {
      EXPECT_LE(std::abs(error), kFloat32Limit) << "of " << wanted;
    }
  }
  const double rms = std::sqrt(squares / static_cast<double>(cases.size()));
  RecordProperty("rms", std::to_string(rms));
  RecordProperty("transformers_bfloat16_rms", std::to_string(model_.at("bfloat16_rms").as_double()));
  if (variant.bfloat16()) {
    EXPECT_LE(rms, limit_of(variant) * model_.at("bfloat16_rms").as_double());
  }
}

std::string name_of(const testing::TestParamInfo<std::tuple<std::string, BackendVariant>>& test) {
  std::string name = std::get<0>(test.param) + "_" + std::get<1>(test.param).name();
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(All, FamilyScoresTest,
                         testing::Combine(testing::ValuesIn(model_names()), testing::ValuesIn(variants())),
                         name_of);

}  // namespace
}  // namespace rerank
