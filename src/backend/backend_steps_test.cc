// Every step of every backend compared with the reference: both get the same activations and perform the
// step.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <random>
#include <tuple>
#include <utility>
#include <vector>

#include "backend/backend.h"
#include "rerank/error.h"
#include "tests/decoder_forward.h"
#include "tests/support/backend_variants.h"
#include "tests/support/random_decoder.h"
#include "tests/support/step_batches.h"
#include "tests/support/step_shapes.h"

namespace rerank {
namespace {

constexpr BackendLimits kLimits{
    .max_tokens = 400, .max_segments = 16, .max_scores = 8, .max_ranges = 32, .num_slots = 700};

using Floats = std::vector<float>;

constexpr std::int32_t kLayer = 1;  // not the first, so that indexing errors show

class BackendStepsTest : public testing::TestWithParam<std::tuple<BackendVariant, DataType, NamedShape>> {
 protected:
  void SetUp() override {
    const auto& [variant, type, shape] = GetParam();
    spec_ = shape.spec;
    weights_ = std::make_unique<RandomDecoder>(spec_, type, 11, shape.qk_norm);
    try {
      load();
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kUnsupported) throw;
      GTEST_SKIP() << error.what();
    }
    EXPECT_EQ(tested_->info().dtype, variant.dtype);
    EXPECT_EQ(tested_->info().instruction_set, variant.instruction_set);
    on_gpu_ = std::string(variant.device) == "cuda";
    // Rounding to bfloat16 costs 2^-9 / sqrt(3) of a value on average, at two or three places per step; a GPU
    // rounds once more, between a product and its epilogue.
    tolerance_ = on_gpu_ ? 1e-2f : variant.bfloat16() ? 8e-3f : 1e-6f;
  }

  void load() {
    reference_ = create_backend({.device = "reference", .num_threads = 2, .cache_directory = ""});
    tested_ = create_backend(options_of(std::get<BackendVariant>(GetParam()), 2));
    both([&](Backend& backend) { backend.load(*weights_, kLimits); });
  }
  void begin(const PackedBatch& batch) {
    reference_->begin(batch);
    tested_->begin(batch);
    rows_ = batch.num_tokens();
  }
  std::vector<PackedBatch> batches() const { return batches_of(spec_); }
  template <typename Step>
  void both(const Step& step) {
    step(*reference_);
    step(*tested_);
  }
  void gather(const PackedBatch& batch) {
    both([](Backend& backend) { backend.pool(); });
    rows_ = batch.num_scores;
  }

  std::int32_t columns(Activation activation) const {
    switch (activation) {
      case Activation::kHidden:
        return spec_.hidden;
      case Activation::kQkv:
        return spec_.qkv_dim();
      case Activation::kAttention:
        return spec_.query_dim();
      default:
        return spec_.ffn;
    }
  }
  Floats read(Backend& backend, Activation activation) const {
    Floats values(static_cast<std::size_t>(rows_) * static_cast<std::size_t>(columns(activation)));
    backend.read(activation, values);
    return values;
  }
  // Writes the same normally distributed values to both, rounded to bfloat16.
  void write(Activation activation) {
    std::normal_distribution<float> normal;
    Floats values(static_cast<std::size_t>(rows_) * static_cast<std::size_t>(columns(activation)));
    for (float& value : values) value = to_float(to_bfloat16(normal(random_)));
    both([&](Backend& backend) { backend.write(activation, values); });
  }

  // Compares columns [first, end) of every row: the RMS of the error is within `tolerance` of the RMS of the
  // values, and no error is larger than 20 times that.
  void expect_close(Activation activation, std::int32_t first, std::int32_t end, float tolerance) {
    const Floats wanted = read(*reference_, activation), found = read(*tested_, activation);
    const std::int32_t width = columns(activation);
    const double count = double{1} * rows_ * (end - first);
    double squares = 0, error_squares = 0, largest_error = 0;
    std::int32_t worst_row = 0;
    for (std::int32_t row = 0; row < rows_; ++row) {
      for (std::int32_t c = first; c < end; ++c) {
        const std::size_t at =
            static_cast<std::size_t>(row) * static_cast<std::size_t>(width) + static_cast<std::size_t>(c);
        const double error = std::abs(double{wanted[at]} - found[at]);
        ASSERT_TRUE(std::isfinite(error)) << "row " << row;
        squares += double{wanted[at]} * wanted[at];
        error_squares += error * error;
        if (error > largest_error) worst_row = row;
        largest_error = std::max(largest_error, error);
      }
    }
    ASSERT_GT(squares, 0);
    const double rms = std::sqrt(squares / count);
    EXPECT_LE(std::sqrt(error_squares / count), tolerance * rms);
    EXPECT_LE(largest_error, 20 * tolerance * rms) << "row " << worst_row << " of " << rows_;
  }
  void expect_close(Activation activation) { expect_close(activation, 0, columns(activation), tolerance_); }
  void expect_equal(Activation activation) {
    ASSERT_EQ(read(*reference_, activation), read(*tested_, activation));
  }

  TransformerSpec spec_;
  std::unique_ptr<RandomDecoder> weights_;
  std::unique_ptr<Backend> reference_, tested_;
  float tolerance_ = 0;
  bool on_gpu_ = false;  // activations are bfloat16 between steps
  std::int32_t rows_ = 0;
  std::mt19937 random_{5};
};

TEST_P(BackendStepsTest, Embed) {
  for (const PackedBatch& batch : batches()) {
    begin(batch);
    both([](Backend& backend) { backend.embed(); });
    const bool is_sum = spec_.num_position_rows > 0 || spec_.num_token_types > 0 || spec_.embedding_norm;
    if (is_sum || (on_gpu_ && std::get<DataType>(GetParam()) != DataType::kBFloat16)) {
      expect_close(Activation::kHidden, 0, spec_.hidden, on_gpu_ ? tolerance_ : 1e-6f);
    } else if (on_gpu_ && spec_.embedding_scale != 1) {  // 16 of the residual's 24 bits are its significand
      expect_close(Activation::kHidden, 0, spec_.hidden, 1e-5f);
    } else {
      expect_equal(Activation::kHidden);
    }
  }
}

// Values are left as the product wrote them.
TEST_P(BackendStepsTest, NormQkvRope) {
  const std::int32_t query = spec_.query_dim(), all = spec_.qkv_dim();
  for (const PackedBatch& batch : batches()) {
    begin(batch);
    write(Activation::kHidden);
    both([&](Backend& backend) { backend.qkv(kLayer, Projection::kQueryKeyValue); });
    expect_close(Activation::kQkv);
    write(Activation::kHidden);
    both([&](Backend& backend) { backend.qkv(kLayer, Projection::kKeyValue); });
    expect_close(Activation::kQkv, query, all, tolerance_);
    write(Activation::kHidden);
    both([&](Backend& backend) { backend.qkv(kLayer, Projection::kQuery); });
    expect_close(Activation::kQkv, 0, query, tolerance_);
  }
}

// Scores grow with the square of the norms' weights, and so does the error of rounding queries and keys.
TEST_P(BackendStepsTest, Attention) {
  const float qk_norm = std::get<NamedShape>(GetParam()).qk_norm;
  for (const PackedBatch& batch : batches()) {
    begin(batch);
    for (std::int32_t layer = 0; layer < spec_.num_layers; ++layer) {
      write(Activation::kHidden);
      both([&](Backend& backend) {
        backend.qkv(layer, Projection::kQueryKeyValue);
        backend.attention(layer);
      });
      expect_close(Activation::kAttention, 0, spec_.query_dim(), 2 * tolerance_ * qk_norm * qk_norm);
    }
  }
}

// A prompt whose values overflow spoils its own score and no other.
TEST_P(BackendStepsTest, WhatIsNotFiniteStaysInItsPrompt) {
  for (const PackedBatch& batch : batches()) {
    if (batch.segments.size() < 2) continue;
    begin(batch);
    const Segment& spoilt = batch.segments.back();
    Floats hidden(static_cast<std::size_t>(rows_) * static_cast<std::size_t>(spec_.hidden), 0.5f);
    std::vector<Floats> results;
    for (const float value :
         {0.5f, std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
      std::fill(hidden.begin() + std::int64_t{spoilt.first_row} * spec_.hidden, hidden.end(), value);
      tested_->write(Activation::kHidden, hidden);
      tested_->qkv(kLayer, Projection::kQueryKeyValue);
      tested_->attention(kLayer);
      Floats result = read(*tested_, Activation::kAttention);
      result.resize(static_cast<std::size_t>(spoilt.first_row) * static_cast<std::size_t>(spec_.query_dim()));
      results.push_back(std::move(result));
    }
    ASSERT_FALSE(results[0].empty());
    EXPECT_EQ(results[0], results[1]);
    EXPECT_EQ(results[0], results[2]);
  }
}

TEST_P(BackendStepsTest, AttentionOutput) {
  for (const PackedBatch& batch : batches()) {
    begin(batch);
    write(Activation::kHidden);
    write(Activation::kAttention);
    both([&](Backend& backend) { backend.attention_output(kLayer); });
    expect_close(Activation::kHidden);
  }
}

TEST_P(BackendStepsTest, NormGateUp) {
  for (const PackedBatch& batch : batches()) {
    begin(batch);
    write(Activation::kHidden);
    both([&](Backend& backend) { backend.mlp_in(kLayer); });
    expect_close(Activation::kFfn);
  }
}

TEST_P(BackendStepsTest, Down) {
  for (const PackedBatch& batch : batches()) {
    begin(batch);
    write(Activation::kHidden);
    write(Activation::kFfn);
    both([&](Backend& backend) { backend.mlp_out(kLayer); });
    expect_close(Activation::kHidden);
    // Directly after the previous step, which may leave values beyond ffn that must not matter.
    write(Activation::kHidden);
    both([&](Backend& backend) {
      backend.mlp_in(kLayer);
      backend.mlp_out(kLayer);
    });
    expect_close(Activation::kHidden, 0, spec_.hidden, 2 * tolerance_);
  }
}

TEST_P(BackendStepsTest, GatherScored) {
  for (const PackedBatch& batch : batches()) {
    begin(batch);
    write(Activation::kHidden);
    gather(batch);
    if (spec_.pooling == Pooling::kMean) {
      expect_close(Activation::kHidden);
    } else {
      expect_equal(Activation::kHidden);
    }
  }
}

// The last layer as a model runs it: keys and values of all rows, everything else only of the scored rows.
TEST_P(BackendStepsTest, StepsAfterGatherScored) {
  const float qk_norm = std::get<NamedShape>(GetParam()).qk_norm;
  if (spec_.pooling == Pooling::kMean) return;  // after the last layer
  for (const PackedBatch& batch : batches()) {
    begin(batch);
    write(Activation::kHidden);
    both([](Backend& backend) { backend.qkv(1, Projection::kKeyValue); });
    write(Activation::kHidden);
    gather(batch);
    both([](Backend& backend) { backend.qkv(1, Projection::kQuery); });
    expect_close(Activation::kQkv, 0, spec_.query_dim(), tolerance_);
    both([](Backend& backend) { backend.attention(1); });
    expect_close(Activation::kAttention, 0, spec_.query_dim(), 2 * tolerance_ * qk_norm * qk_norm);
    write(Activation::kAttention);
    both([](Backend& backend) { backend.attention_output(1); });
    expect_close(Activation::kHidden);
    write(Activation::kHidden);
    both([](Backend& backend) { backend.mlp_in(1); });
    expect_close(Activation::kFfn);
    write(Activation::kFfn);
    both([](Backend& backend) { backend.mlp_out(1); });
    expect_close(Activation::kHidden);
  }
}

// The head of a prompt, a chunk of a document: all a batch does is keep keys and values.
TEST_P(BackendStepsTest, NothingScored) {
  if (spec_.mask != Mask::kCausal) return;
  const float qk_norm = std::get<NamedShape>(GetParam()).qk_norm;
  BatchMaker maker(6);
  maker.add(70, {}, 5, false);
  const PackedBatch parent = maker.take();
  maker.add(20, {{5, 70}}, kNotKept, true);
  const PackedBatch child = maker.take();
  both([&](Backend& backend) { EXPECT_TRUE(run_decoder(backend, spec_, parent).empty()); });
  begin(child);
  write(Activation::kHidden);
  both([](Backend& backend) {
    backend.qkv(0, Projection::kQueryKeyValue);
    backend.attention(0);
  });
  expect_close(Activation::kAttention, 0, spec_.query_dim(), 2 * tolerance_ * qk_norm * qk_norm);
}

// The head is float32 in every arithmetic.
TEST_P(BackendStepsTest, ScoreHead) {
  const bool has_steps = !spec_.head.empty();
  for (const bool one_row : {false, true}) {
    if (one_row && has_steps) return;
    if (one_row) {
      weights_->drop_head_no();
      load();
    }
    for (const PackedBatch& batch : batches()) {
      begin(batch);
      write(Activation::kHidden);
      gather(batch);
      write(Activation::kHidden);
      Floats wanted(2 * static_cast<std::size_t>(batch.num_scores)), found(wanted.size());
      both([](Backend& backend) { backend.head(); });
      reference_->finish(wanted);
      tested_->finish(found);
      for (std::size_t i = 0; i < wanted.size(); ++i) {
        ASSERT_NEAR(wanted[i], found[i], 1e-5) << i;
        ASSERT_EQ((one_row || has_steps) && i % 2 == 0, found[i] == 0);
      }
    }
  }
}

std::string name_of(const testing::TestParamInfo<BackendStepsTest::ParamType>& test) {
  const auto& [variant, type, shape] = test.param;
  return variant.name() + "_of_" + std::string(to_string(type)) + "_" + shape.name;
}

INSTANTIATE_TEST_SUITE_P(AllShapes, BackendStepsTest,
                         testing::Combine(testing::ValuesIn(backend_variants()),
                                          testing::Values(DataType::kBFloat16), testing::ValuesIn(shapes())),
                         name_of);
// Only packing depends on the type, so one shape is enough.
INSTANTIATE_TEST_SUITE_P(OtherTypes, BackendStepsTest,
                         testing::Combine(testing::ValuesIn(backend_variants()),
                                          testing::Values(DataType::kFloat16, DataType::kFloat32),
                                          testing::Values(shapes()[1])),
                         name_of);

// Says what the other tests leave out on this machine.
TEST(BackendVariants, AreAllHere) {
  std::string missing;
  for (const BackendVariant& variant : known_cpu_variants()) {
    const std::string why = why_not_here(variant);
    if (!why.empty()) missing += "\n  " + variant.name() + ": " + why;
  }
  if (!missing.empty()) GTEST_SKIP() << "not tested on this processor:" << missing;
}

}  // namespace
}  // namespace rerank
