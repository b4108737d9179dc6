// A transformer of seeded random weights in memory, of any spec and element type: what backend tests load.
// For tests only.
#pragma once

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "backend/transformer.h"

namespace rerank {

// To float16, dropping what does not fit; only for numbers between 2^-14 and 65504 in size, or 0.
inline Float16 truncate_to_float16(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const std::uint32_t exponent = (bits >> 23) & 0xff;
  if (exponent < 113) return {static_cast<std::uint16_t>((bits >> 16) & 0x8000u)};
  return {static_cast<std::uint16_t>(((bits >> 16) & 0x8000u) | ((exponent - 112) << 10) |
                                     ((bits >> 13) & 0x3ffu))};
}

// A tensor that owns its elements.
class OwnedTensor {
 public:
  OwnedTensor() = default;
  OwnedTensor(DataType type, std::vector<std::int64_t> spec, const std::vector<float>& values)
      : type_(type), spec_(std::move(spec)), bytes_(values.size() * element_bytes(type)) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      const float value = values[i];
      std::byte* to = bytes_.data() + i * element_bytes(type);
      if (type == DataType::kFloat32) {
        std::memcpy(to, &value, 4);
      } else {
        const std::uint16_t bits =
            type == DataType::kBFloat16 ? to_bfloat16(value).bits : truncate_to_float16(value).bits;
        std::memcpy(to, &bits, 2);
      }
    }
  }

  // Empty unless it was given values.
  TensorView view() const { return bytes_.empty() ? TensorView{} : TensorView{type_, spec_, bytes_.data()}; }

 private:
  DataType type_ = DataType::kFloat32;
  std::vector<std::int64_t> spec_;
  std::vector<std::byte> bytes_;
};

class RandomDecoder : public TransformerWeights {
 public:
  // `qk_norm` is the size of the query and key norms' weights: larger ones make attention sharper.
  RandomDecoder(const TransformerSpec& spec, DataType type, std::uint32_t seed = 1, float qk_norm = 1)
      : spec_(spec), type_(type), seed_(seed), random_(seed) {
    for (std::int32_t layer = 0; layer < spec.num_layers; ++layer) add_layer(layer, qk_norm);
    embedding_ = matrix(spec.vocab, spec.hidden);
    if (spec.has_final_norm) final_norm_ = norm(spec.hidden, 1, spec.norm_weight_offset);
    head_ = matrix(2, spec.hidden);
    if (spec.num_position_rows > 0) position_embedding_ = matrix(spec.num_position_rows, spec.hidden);
    if (spec.num_token_types > 0) type_embedding_ = matrix(spec.num_token_types, spec.hidden);
    if (spec.embedding_norm) embedding_norm_ = norm(spec.hidden, 1, spec.norm_weight_offset);
    std::int32_t inputs = spec.hidden;
    for (const HeadStep& step : spec.head) {
      Part& to = head_steps_.emplace_back();
      const bool is_dense = step.kind == HeadStep::Kind::kDense;
      const std::int32_t outputs = is_dense ? step.outputs : inputs;
      to.weight = is_dense ? matrix(outputs, inputs) : norm_weight(outputs, 1);
      if (step.has_bias) to.bias = bias(outputs);
      inputs = outputs;
    }
  }

  const TransformerSpec& spec() const override { return spec_; }
  DataType type() const override { return type_; }
  std::string identity() const override { return "random-" + std::to_string(seed_); }

  LayerWeights layer(std::int32_t layer) override {
    const Layer& from = layers_[static_cast<std::size_t>(layer)];
    const auto linear = [](const Part& part) { return Linear{part.weight.view(), part.bias.view()}; };
    const auto norm = [](const Part& part) { return Norm{part.weight.view(), part.bias.view()}; };
    return {.attention_norm = norm(from.attention_norm),
            .query = linear(from.query),
            .key = linear(from.key),
            .value = linear(from.value),
            .output = linear(from.output),
            .query_norm = from.query_norm.view(),
            .key_norm = from.key_norm.view(),
            .mlp_norm = norm(from.mlp_norm),
            .gate = linear(from.gate),
            .up = linear(from.up),
            .down = linear(from.down)};
  }
  void release_layer(std::int32_t) override {}
  TensorView embedding() override { return embedding_.view(); }
  TensorView position_embedding() override { return position_embedding_.view(); }
  TensorView type_embedding() override { return type_embedding_.view(); }
  Norm embedding_norm() override { return {embedding_norm_.weight.view(), embedding_norm_.bias.view()}; }
  Norm final_norm() override { return {final_norm_.weight.view(), final_norm_.bias.view()}; }
  TensorView head_no() override { return one_row_ || has_steps() ? TensorView{} : head_.view().row(0); }
  TensorView head_yes() override { return has_steps() ? TensorView{} : head_.view().row(1); }
  Linear head_step(std::int32_t step) override {
    const Part& part = head_steps_[static_cast<std::size_t>(step)];
    return {part.weight.view(), part.bias.view()};
  }

  // As a classification head of one row: none for "no".
  void drop_head_no() { one_row_ = true; }

 private:
  struct Part {
    OwnedTensor weight, bias;
  };
  struct Layer {
    Part attention_norm, query, key, value, output, mlp_norm, gate, up, down;
    OwnedTensor query_norm, key_norm;
  };

  bool has_steps() const { return !spec_.head.empty(); }

  // Draws what decoders have in the order of earlier versions: their logits are kept as exact bits.
  void add_layer(std::int32_t layer, float qk_norm) {
    const TransformerSpec& spec = spec_;
    Layer& to = layers_.emplace_back();
    if (spec.attention_of(layer).has_norm) to.attention_norm = norm(spec.hidden, 1, spec.norm_weight_offset);
    to.query.weight = matrix(spec.query_dim(), spec.hidden);
    to.key.weight = matrix(spec.kv_dim(), spec.hidden);
    to.value.weight = matrix(spec.kv_dim(), spec.hidden);
    to.output.weight = matrix(spec.hidden, spec.query_dim());
    if (spec.qk_norm) {
      to.query_norm = norm_weight(spec.head_dim, qk_norm);
      to.key_norm = norm_weight(spec.head_dim, qk_norm);
    }
    to.mlp_norm = norm(spec.hidden, 1, spec.norm_weight_offset);
    to.gate.weight = matrix(spec.ffn, spec.hidden);
    if (spec.gated) to.up.weight = matrix(spec.ffn, spec.hidden);
    to.down.weight = matrix(spec.hidden, spec.ffn);
    if (spec.qkv_bias) {
      to.query.bias = bias(spec.query_dim());
      to.key.bias = bias(spec.kv_dim());
      to.value.bias = bias(spec.kv_dim());
    }
    if (spec.output_bias) to.output.bias = bias(spec.hidden);
    if (spec.gate_bias) to.gate.bias = bias(spec.ffn);
    if (spec.gate_bias && spec.gated) to.up.bias = bias(spec.ffn);
    if (spec.down_bias) to.down.bias = bias(spec.hidden);
  }

  // Sized so that a product's outputs are about as large as its inputs.
  OwnedTensor matrix(std::int64_t outputs, std::int64_t inputs) {
    const float bound = std::sqrt(3.0f / static_cast<float>(inputs));
    return {type_, {outputs, inputs}, values(outputs * inputs, -bound, bound)};
  }
  OwnedTensor norm_weight(std::int64_t size, float scale, float offset = 0) {
    return {type_, {size}, values(size, 0.75f * scale - offset, 1.25f * scale - offset)};
  }
  Part norm(std::int64_t size, float scale, float offset = 0) {
    Part made{.weight = norm_weight(size, scale, offset), .bias = {}};
    if (spec_.norm_bias) made.bias = bias(size);
    return made;
  }
  OwnedTensor bias(std::int64_t size) { return {type_, {size}, values(size, -1, 1)}; }
  std::vector<float> values(std::int64_t count, float low, float high) {
    std::uniform_real_distribution<float> distribution(low, high);
    std::vector<float> out(static_cast<std::size_t>(count));
    for (float& value : out) value = distribution(random_);
    return out;
  }

  TransformerSpec spec_;
  DataType type_;
  std::uint32_t seed_;
  std::mt19937 random_;
  std::vector<Layer> layers_;
  OwnedTensor embedding_, position_embedding_, type_embedding_, head_;
  Part embedding_norm_, final_norm_;
  std::vector<Part> head_steps_;
  bool one_row_ = false;
};

}  // namespace rerank
