// Logits of synthetic models of every family, as Hugging Face Transformers computes them in float32
// (tests/data/family-scores.json: token ids of the publishers' prompts, and the recipe of the weights).
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "rerank/error.h"
#include "tests/golden/family_file.h"
#include "tests/support/backend_variants.h"

namespace rerank {
namespace {

// Another GELU is 4e-5 to 4e-4 away, another epsilon of a norm 3e-5 to 2e-3.
constexpr double kFloat32Limit = 3e-5;

std::vector<BackendVariant> variants() {
  std::vector<BackendVariant> all = scoring_variants();
  all.insert(all.begin(), {"reference", "float32", "none"});
  return all;
}

// (model, variant)
class FamilyScoresTest : public testing::TestWithParam<std::tuple<std::string, BackendVariant>> {
 protected:
  const FamilyModel family_{std::get<0>(GetParam())};
};

// As a multiple of the rms of Transformers' own bfloat16 over all 48 cases: eight scatter, and models of a
// few layers have little that is not quantized.
double limit_of(const BackendVariant& variant) {
  if (variant.quantization == "fp8") return 12;
  return variant.quantization == "int8" ? 5 : 2;
}

TEST_P(FamilyScoresTest, AreThoseOfTransformers) {
  const BackendVariant& variant = std::get<1>(GetParam());
  const auto model = family_.create();
  const auto backend = create_backend(options_of(variant, 2));
  try {
    backend->load(model->weights(), FamilyModel::kLimits);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kUnsupported) throw;
    GTEST_SKIP() << error.what();
  }
  double squares = 0;
  for (const boost::json::value& entry : family_.cases()) {
    const double wanted = entry.at("logit").to_number<double>();
    const double error = family_logit(*model, *backend, entry) - wanted;
    squares += error * error;
    if (!variant.rounds()) {
      EXPECT_LE(std::abs(error), kFloat32Limit) << "of " << wanted;
    }
  }
  const double rms = std::sqrt(squares / static_cast<double>(family_.cases().size()));
  RecordProperty("rms", std::to_string(rms));
  RecordProperty("transformers_bfloat16_rms", std::to_string(family_.bfloat16_rms()));
  if (variant.rounds()) {
    EXPECT_LE(rms, limit_of(variant) * family_.bfloat16_rms());
  }
}

std::string name_of(const testing::TestParamInfo<std::tuple<std::string, BackendVariant>>& test) {
  std::string name = std::get<0>(test.param) + "_" + std::get<1>(test.param).name();
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(All, FamilyScoresTest,
                         testing::Combine(testing::ValuesIn(family_model_names()),
                                          testing::ValuesIn(variants())),
                         name_of);

}  // namespace
}  // namespace rerank
