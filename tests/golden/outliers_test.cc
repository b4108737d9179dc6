// Quantization of models whose activations have heavy outliers, as trained ones do and random ones do not:
// twins of the models of every family whose norms come first, see OutlierTwin.
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
#include "tests/support/outlier_twin.h"

namespace rerank {
namespace {

std::vector<std::string> models_with_norms_first() {
  std::vector<std::string> names = family_model_names();
  std::erase_if(names, [](const std::string& name) {
    const auto model = FamilyModel(name).create();
    const TransformerSpec& spec = model->weights().spec();
    return spec.norm_place == NormPlace::kBehind || spec.norm_bias;
  });
  return names;
}

// (model, variant)
class OutliersTest : public testing::TestWithParam<std::tuple<std::string, BackendVariant>> {
 protected:
  double rms_error(TransformerWeights& weights, const BackendVariant& variant) const {
    const auto backend = create_backend(options_of(variant, 2));
    backend->load(weights, FamilyModel::kLimits);
    double squares = 0;
    for (const boost::json::value& entry : family_.cases()) {
      const double error = family_logit(*model_, *backend, entry) - entry.at("logit").to_number<double>();
      squares += error * error;
    }
    return std::sqrt(squares / static_cast<double>(family_.cases().size()));
  }

  const FamilyModel family_{std::get<0>(GetParam())};
  const std::unique_ptr<Model> model_ = family_.create();
  OutlierTwin twin_{model_->weights()};
};

TEST_P(OutliersTest, CostLittle) {
  const BackendVariant& variant = std::get<1>(GetParam());
  BackendVariant whole = variant;
  whole.dtype = "float32";
  whole.quantization = "none";
  try {
    const double untouched = rms_error(model_->weights(), variant);
    EXPECT_LE(rms_error(twin_, variant), 2 * untouched);
    EXPECT_LE(rms_error(twin_, whole), 3e-5) << "the twin computes something else";
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kUnsupported) throw;
    GTEST_SKIP() << error.what();
  }
}

std::string name_of(const testing::TestParamInfo<OutliersTest::ParamType>& test) {
  std::string name = std::get<0>(test.param) + "_" + std::get<1>(test.param).name();
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(All, OutliersTest,
                         testing::Combine(testing::ValuesIn(models_with_norms_first()),
                                          testing::ValuesIn(cpu_int8_variants())),
                         name_of);

}  // namespace
}  // namespace rerank
