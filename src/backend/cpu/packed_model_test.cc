// The packed form, read as described in packed_model.h, equals the original weights.
#include "backend/cpu/packed_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "backend/cpu/kernels.h"
#include "base/memory_block.h"
#include "tests/support/random_decoder.h"

namespace rerank::cpu {
namespace {

const TransformerSpec kShape{.hidden = 64,
                             .ffn = 37,
                             .num_layers = 2,
                             .num_heads = 3,
                             .num_kv_heads = 1,
                             .head_dim = 32,
                             .vocab = 5,
                             .max_positions = 8,
                             .norm_eps = 1e-6f,
                             .rotations = {rotary_frequencies(32, 1e6)},
                             .qk_norm = true};

float from_bits(std::uint16_t bits) {
  return to_float(BFloat16{bits});
}

// The weight of output column `column` of panel `panel` for input `input`.
float packed_weight(const PackedMatrix& matrix, bool float32, std::int32_t panel, std::int32_t column,
                    std::int32_t input) {
  const std::int64_t in_panel =
      float32 ? std::int64_t{input} * 32 + column : (std::int64_t{input / 2} * 32 + column) * 2 + input % 2;
  const std::int64_t at = std::int64_t{panel} * matrix.k * 32 + in_panel;
  if (float32) return reinterpret_cast<const float*>(matrix.panels)[at];
  return from_bits(reinterpret_cast<const std::uint16_t*>(matrix.panels)[at]);
}

// An element of a source matrix, rounded to the packed type; 0 outside the matrix.
float source_weight(const TensorView& matrix, bool float32, std::int64_t row, std::int64_t column) {
  if (row >= matrix.shape[0] || column >= matrix.shape[1]) return 0;
  float value = 0;
  widen(matrix, row * matrix.shape[1] + column, {&value, 1});
  return float32 ? value : to_float(to_bfloat16(value));
}

// An element of a vector; 0 past its end.
float element(const TensorView& view, std::int64_t index) {
  float value = 0;
  if (index < view.shape[0]) widen(view, index, {&value, 1});
  return value;
}

class PackedModelTest : public testing::TestWithParam<std::tuple<DataType, bool>> {
 protected:
  PackedModelTest()
      : weights_(kShape, std::get<0>(GetParam())),
        form_(packed_form(weights_, float32_ ? Format::kFloat32 : Format::kBFloat16)),
        memory_(packed_model_bytes(form_)),
        model_(view_packed_model(memory_.data(), form_)) {
    pack_model(weights_, form_, memory_.data(), pool_);
  }

  void expect_matrix(const PackedMatrix& matrix, const TensorView& source, std::int32_t first_panel,
                     std::int32_t num_panels) const {
    ASSERT_LE(first_panel + num_panels, matrix.num_panels);
    ASSERT_GE(matrix.k, source.shape[1]);
    for (std::int32_t panel = 0; panel < num_panels; ++panel) {
      for (std::int32_t column = 0; column < 32; ++column) {
        for (std::int32_t input = 0; input < matrix.k; ++input) {
          ASSERT_EQ(packed_weight(matrix, float32_, first_panel + panel, column, input),
                    source_weight(source, float32_, panel * 32 + column, input))
              << "panel " << panel << ", column " << column << ", input " << input;
        }
      }
    }
  }
  static void expect_floats(const float* packed, const TensorView& source) {
    for (std::int64_t i = 0; i < source.num_elements(); ++i) {
      float value = 0;
      widen(source, i, {&value, 1});
      ASSERT_EQ(packed[i], value) << i;
    }
  }

  bool float32_ = std::get<1>(GetParam());
  ThreadPool pool_{3};
  RandomDecoder weights_;
  PackedForm form_;
  MemoryBlock memory_;
  PackedModel model_;
};

TEST_P(PackedModelTest, HoldsEveryWeight) {
  ASSERT_EQ(model_.layers.size(), 2u);
  for (std::int32_t i = 0; i < 2; ++i) {
    const LayerWeights source = weights_.layer(i);
    const PackedLayer& packed = model_.layers[static_cast<std::size_t>(i)];
    expect_matrix(packed.qkv, source.query.weight, 0, 3);
    expect_matrix(packed.qkv, source.key.weight, 3, 1);
    expect_matrix(packed.qkv, source.value.weight, 4, 1);
    EXPECT_EQ(packed.qkv.num_panels, 5);
    expect_matrix(packed.output, source.output.weight, 0, 2);
    expect_matrix(packed.down, source.down.weight, 0, 2);
    EXPECT_EQ(packed.down.k, padded_ffn(kShape));
    expect_floats(packed.attention_norm.weight, source.attention_norm.weight);
    expect_floats(packed.query_norm, source.query_norm);
    expect_floats(packed.key_norm, source.key_norm);
    expect_floats(packed.mlp_norm.weight, source.mlp_norm.weight);
  }
  expect_floats(model_.final_norm.weight, weights_.final_norm().weight);
  expect_floats(model_.head_no, weights_.head_no());
  expect_floats(model_.head_yes, weights_.head_yes());
}

// Other decoders: biases, no norms of heads, norms around 0.
TEST_P(PackedModelTest, HoldsBiasesAndShiftedNorms) {
  TransformerSpec spec = kShape;
  spec.qkv_bias = true;
  spec.qk_norm = false;
  spec.norm_weight_offset = 1;
  RandomDecoder weights(spec, std::get<0>(GetParam()));
  const PackedForm form = packed_form(weights, float32_ ? Format::kFloat32 : Format::kBFloat16);
  const MemoryBlock memory(packed_model_bytes(form));
  pack_model(weights, form, memory.data(), pool_);
  const PackedModel model = view_packed_model(memory.data(), form);
  const auto shifted = [](const float* packed, const TensorView& source) {
    for (std::int64_t i = 0; i < source.num_elements(); ++i) {
      float value = 0;
      widen(source, i, {&value, 1});
      ASSERT_EQ(packed[i], 1 + value) << i;
    }
  };
  for (std::int32_t i = 0; i < 2; ++i) {
    const LayerWeights source = weights.layer(i);
    const PackedLayer& packed = model.layers[static_cast<std::size_t>(i)];
    expect_floats(packed.qkv.bias, source.query.bias);
    expect_floats(packed.qkv.bias + spec.query_dim(), source.key.bias);
    expect_floats(packed.qkv.bias + spec.query_dim() + spec.kv_dim(), source.value.bias);
    EXPECT_EQ(packed.query_norm, nullptr);
    EXPECT_EQ(packed.key_norm, nullptr);
    shifted(packed.attention_norm.weight, source.attention_norm.weight);
    shifted(packed.mlp_norm.weight, source.mlp_norm.weight);
    expect_matrix(packed.qkv, source.query.weight, 0, 3);
  }
  shifted(model.final_norm.weight, weights.final_norm().weight);
  EXPECT_EQ(model_.layers[0].qkv.bias, nullptr);
}

// Encoders: every bias in the columns of its matrix, tables, layer norms and a head of steps.
TEST_P(PackedModelTest, HoldsWhatEncodersHave) {
  TransformerSpec spec = kShape;
  spec.norm = NormKind::kLayer;
  spec.norm_bias = spec.output_bias = spec.gate_bias = spec.down_bias = spec.embedding_norm = true;
  spec.num_position_rows = 9;
  spec.num_token_types = 2;
  spec.head = {{.outputs = 40, .has_bias = true}, {.kind = HeadStep::Kind::kLayerNorm}, {.outputs = 1}};
  for (const bool gated : {false, true}) {
    spec.gated = gated;
    RandomDecoder weights(spec, std::get<0>(GetParam()));
    const PackedForm form = packed_form(weights, float32_ ? Format::kFloat32 : Format::kBFloat16);
    const MemoryBlock memory(packed_model_bytes(form));
    pack_model(weights, form, memory.data(), pool_);
    const PackedModel model = view_packed_model(memory.data(), form);
    const LayerWeights source = weights.layer(1);
    const PackedLayer& packed = model.layers[1];
    expect_floats(packed.attention_norm.bias, source.attention_norm.bias);
    expect_floats(packed.mlp_norm.weight, source.mlp_norm.weight);
    expect_floats(packed.mlp_norm.bias, source.mlp_norm.bias);
    expect_floats(packed.output.bias, source.output.bias);
    expect_floats(packed.down.bias, source.down.bias);
    EXPECT_EQ(packed.gate_up.num_panels, gated ? 4 : 2);
    EXPECT_EQ(packed.down.k, 64);
    if (gated) {
      for (std::int32_t i = 0; i < 48; ++i) {
        ASSERT_EQ(packed.gate_up.bias[i / 16 * 32 + i % 16], element(source.gate.bias, i)) << i;
        ASSERT_EQ(packed.gate_up.bias[i / 16 * 32 + 16 + i % 16], element(source.up.bias, i)) << i;
      }
    } else {
      expect_matrix(packed.gate_up, source.gate.weight, 0, 2);
      for (std::int32_t i = 0; i < 64; ++i) ASSERT_EQ(packed.gate_up.bias[i], element(source.gate.bias, i));
    }
    expect_floats(model.position_embedding, weights.position_embedding());
    expect_floats(model.type_embedding, weights.type_embedding());
    expect_floats(model.embedding_norm.weight, weights.embedding_norm().weight);
    expect_floats(model.embedding_norm.bias, weights.embedding_norm().bias);
    ASSERT_EQ(model.head.size(), 3u);
    expect_floats(model.head[0].weight, weights.head_step(0).weight);
    expect_floats(model.head[0].bias, weights.head_step(0).bias);
    EXPECT_EQ(model.head[1].inputs, 40);
    expect_floats(model.head[1].weight, weights.head_step(1).weight);
    EXPECT_EQ(model.head[1].bias[39], 0);
    EXPECT_EQ(model.head[2].stride, 48);
    expect_floats(model.head[2].weight, weights.head_step(2).weight);
    EXPECT_EQ(model.head[2].weight[40], 0);
  }
}

// A bias that would not be added must not be ignored silently.
TEST(CheckWeights, NamesWhatTheSpecificationDoesNotDeclare) {
  RandomDecoder weights(kShape, DataType::kBFloat16);
  const auto refusal = [&](const TransformerSpec& spec, const LayerWeights& layer) -> std::string {
    try {
      check_weights(spec, layer, 0);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  LayerWeights layer = weights.layer(0);
  EXPECT_EQ(refusal(kShape, layer), "");
  layer.down.bias = layer.mlp_norm.weight;
  EXPECT_THAT(refusal(kShape, layer), testing::HasSubstr("the bias of down"));
  layer = weights.layer(0);
  layer.attention_norm.bias = layer.mlp_norm.weight;
  EXPECT_THAT(refusal(kShape, layer), testing::HasSubstr("norm_bias and the bias of attention_norm"));
  layer = weights.layer(0);
  layer.up.weight = {};
  EXPECT_THAT(refusal(kShape, layer), testing::HasSubstr("gated and the weight of up"));
  layer = weights.layer(0);
  layer.key.bias = layer.mlp_norm.weight;
  EXPECT_THAT(refusal(kShape, layer), testing::HasSubstr("the bias of key"));
  layer = weights.layer(0);
  layer.query_norm = {};
  EXPECT_THAT(refusal(kShape, layer), testing::HasSubstr("query_norm"));
}

// Byte for byte: embed() widens the checkpoint's values, whatever the packed format of the matrices.
TEST_P(PackedModelTest, HoldsTheEmbeddingAsItIs) {
  const TensorView source = weights_.embedding();
  EXPECT_EQ(model_.embedding.type, source.type);
  EXPECT_EQ(model_.embedding.shape, source.shape);
  EXPECT_GE(model_.embedding.data, memory_.data());
  EXPECT_LE(model_.embedding.data + source.size_bytes(), memory_.data() + memory_.size_bytes());
  EXPECT_EQ(std::memcmp(model_.embedding.data, source.data, source.size_bytes()), 0);
}

TEST_P(PackedModelTest, GateAndUpSharePanels) {
  EXPECT_EQ(padded_ffn(kShape), 64);
  for (std::int32_t i = 0; i < 2; ++i) {
    const LayerWeights source = weights_.layer(i);
    const PackedMatrix& packed = model_.layers[static_cast<std::size_t>(i)].gate_up;
    ASSERT_EQ(packed.num_panels, 4);
    for (std::int32_t row = 0; row < 48; ++row) {
      for (std::int32_t input = 0; input < kShape.hidden; ++input) {
        ASSERT_EQ(packed_weight(packed, float32_, row / 16, row % 16, input),
                  source_weight(source.gate.weight, float32_, row, input));
        ASSERT_EQ(packed_weight(packed, float32_, row / 16, 16 + row % 16, input),
                  source_weight(source.up.weight, float32_, row, input));
      }
    }
  }
}

TEST_P(PackedModelTest, MatricesStartOnCacheLines) {
  for (const PackedLayer& layer : model_.layers) {
    for (const PackedMatrix* matrix : {&layer.qkv, &layer.output, &layer.gate_up, &layer.down}) {
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(matrix->panels) % 64, 0u);
    }
  }
}

// A model with a classification head has no row for "no", so its logit is 0.
TEST_P(PackedModelTest, NoRowForNoIsZeros) {
  std::memset(memory_.data(), 0x55, memory_.size_bytes());
  weights_.drop_head_no();
  pack_model(weights_, form_, memory_.data(), pool_);
  for (std::int32_t i = 0; i < kShape.hidden; ++i) ASSERT_EQ(model_.head_no[i], 0.0f);
  expect_floats(model_.head_yes, weights_.head_yes());
}

INSTANTIATE_TEST_SUITE_P(Types, PackedModelTest,
                         testing::Combine(testing::Values(DataType::kFloat32, DataType::kBFloat16,
                                                          DataType::kFloat16),
                                          testing::Bool()),
                         [](const testing::TestParamInfo<std::tuple<DataType, bool>>& test) {
                           return std::string(to_string(std::get<0>(test.param))) + "_as_" +
                                  (std::get<1>(test.param) ? "float32" : "bfloat16");
                         });

}  // namespace
}  // namespace rerank::cpu
