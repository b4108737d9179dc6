// A layer in int8 compared with the reference, step by step where a step leaves float32: its errors are those
// that the scales of rows and weights imply.
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <tuple>
#include <vector>

#include "backend/backend.h"
#include "tests/support/backend_variants.h"
#include "tests/support/random_decoder.h"
#include "tests/support/step_batches.h"
#include "tests/support/step_shapes.h"

namespace rerank {
namespace {

// Steps are 1/127 of the largest value of a row, which is up to 4 times its rms once it is rotated, so
// rounding costs 4 / 127 / sqrt(12) = 0.9% of the rows and as much of the weights: together 1.3% of a
// product.
constexpr double kProductError = 0.015;

class QuantizedStepsTest : public testing::TestWithParam<std::tuple<BackendVariant, NamedShape>> {
 protected:
  static void attend(Backend& backend, std::int32_t layer) {
    backend.attention(layer);
    backend.attention_output(layer);
  }
  static void feed_forward(Backend& backend, std::int32_t layer) {
    backend.mlp_in(layer);
    backend.mlp_out(layer);
  }
  template <typename Step>
  void both(const Step& step) {
    step(*reference_);
    step(*tested_);
  }
  // The root mean square of the error as a part of that of the values.
  double error_of(Activation activation, std::int32_t num_rows, std::int32_t columns) {
    std::vector<float> wanted(static_cast<std::size_t>(num_rows) * static_cast<std::size_t>(columns));
    std::vector<float> found(wanted.size());
    reference_->read(activation, wanted);
    tested_->read(activation, found);
    double squares = 0, error_squares = 0;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      squares += double{wanted[i]} * wanted[i];
      error_squares += std::pow(double{found[i]} - wanted[i], 2);
    }
    return std::sqrt(error_squares / squares);
  }

  const TransformerSpec spec_ = doubled(std::get<NamedShape>(GetParam()).spec);
  RandomDecoder weights_{spec_, DataType::kBFloat16, 11, std::get<NamedShape>(GetParam()).qk_norm};
  std::unique_ptr<Backend> reference_ = create_backend({.device = "reference", .cache_directory = ""});
  std::unique_ptr<Backend> tested_ = create_backend(options_of(std::get<BackendVariant>(GetParam()), 2));
};

TEST_P(QuantizedStepsTest, ErrorsAreThoseOfTheScales) {
  constexpr std::int32_t kLayer = 1;
  both([&](Backend& backend) {
    backend.load(
        weights_,
        {.max_tokens = 400, .max_segments = 16, .max_scores = 8, .max_ranges = 32, .num_slots = 700});
  });
  const std::vector<PackedBatch> batches = batches_of(spec_);
  for (const PackedBatch& batch : {batches[0], batches[1]}) {  // one row, and ranges and borders of any kind
    const auto error_of_hidden = [&] {
      return error_of(Activation::kHidden, batch.num_tokens(), spec_.hidden);
    };
    both([&](Backend& backend) {
      backend.begin(batch);
      backend.embed();
      backend.qkv(0, Projection::kQueryKeyValue);
      attend(backend, 0);
      feed_forward(backend, 0);
    });
    const double before = error_of_hidden();
    both([](Backend& backend) { backend.qkv(kLayer, Projection::kQueryKeyValue); });
    const double qkv = error_of(Activation::kQkv, batch.num_tokens(), spec_.qkv_dim());
    EXPECT_LE(qkv, before + kProductError);
    EXPECT_GT(qkv, kProductError / 4) << "nothing was quantized";
    const float sharpness = std::get<NamedShape>(GetParam()).qk_norm;
    both([](Backend& backend) { attend(backend, kLayer); });
    EXPECT_LE(error_of_hidden(), sharpness * (before + 2 * kProductError));
    both([](Backend& backend) { feed_forward(backend, kLayer); });
    EXPECT_LE(error_of_hidden(), sharpness * (before + 2 * kProductError));
  }
}

INSTANTIATE_TEST_SUITE_P(AllShapes, QuantizedStepsTest,
                         testing::Combine(testing::ValuesIn(cpu_int8_variants()),
                                          testing::ValuesIn(shapes())),
                         [](const testing::TestParamInfo<QuantizedStepsTest::ParamType>& test) {
                           return std::get<BackendVariant>(test.param).name() + "_of_" +
                                  std::get<NamedShape>(test.param).name;
                         });

}  // namespace
}  // namespace rerank
