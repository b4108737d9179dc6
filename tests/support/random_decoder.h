// A decoder of seeded random weights in memory, of any spec and element type: what backend tests load. For
// tests only.
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
    for (std::int32_t layer = 0; layer < spec.num_layers; ++layer) {
      Layer& to = layers_.emplace_back();
      to.attention_norm = norm(spec.hidden, 1, spec.norm_weight_offset);
      to.query = matrix(spec.query_dim(), spec.hidden);
      to.key = matrix(spec.kv_dim(), spec.hidden);
      to.value = matrix(spec.kv_dim(), spec.hidden);
      to.output = matrix(spec.hidden, spec.query_dim());
      if (spec.qk_norm) {
        to.query_norm = norm(spec.head_dim, qk_norm);
        to.key_norm = norm(spec.head_dim, qk_norm);
      }
      to.mlp_norm = norm(spec.hidden, 1, spec.norm_weight_offset);
      to.gate = matrix(spec.ffn, spec.hidden);
      to.up = matrix(spec.ffn, spec.hidden);
      to.down = matrix(spec.hidden, spec.ffn);
      if (!spec.qkv_bias) continue;
      to.query_bias = {type_, {spec.query_dim()}, values(spec.query_dim(), -1, 1)};
      to.key_bias = {type_, {spec.kv_dim()}, values(spec.kv_dim(), -1, 1)};
      to.value_bias = {type_, {spec.kv_dim()}, values(spec.kv_dim(), -1, 1)};
    }
    embedding_ = matrix(spec.vocab, spec.hidden);
    final_norm_ = norm(spec.hidden, 1, spec.norm_weight_offset);
    head_ = matrix(2, spec.hidden);
  }

  const TransformerSpec& spec() const override { return spec_; }
  DataType type() const override { return type_; }
  std::string identity() const override { return "random-" + std::to_string(seed_); }

  LayerWeights layer(std::int32_t layer) override {
    const Layer& from = layers_[static_cast<std::size_t>(layer)];
    return {.attention_norm = from.attention_norm.view(),
            .query = {from.query.view(), from.query_bias.view()},
            .key = {from.key.view(), from.key_bias.view()},
            .value = {from.value.view(), from.value_bias.view()},
            .output = {from.output.view(), {}},
            .query_norm = from.query_norm.view(),
            .key_norm = from.key_norm.view(),
            .mlp_norm = from.mlp_norm.view(),
            .gate = {from.gate.view(), {}},
            .up = {from.up.view(), {}},
            .down = {from.down.view(), {}}};
  }
  void release_layer(std::int32_t) override {}
  TensorView embedding() override { return embedding_.view(); }
  TensorView final_norm() override { return final_norm_.view(); }
  TensorView head_no() override { return one_row_ ? TensorView{} : head_.view().row(0); }
  TensorView head_yes() override { return head_.view().row(1); }

  // As a classification head: no row for "no".
  void drop_head_no() { one_row_ = true; }

 private:
  struct Layer {
    OwnedTensor attention_norm, query, key, value, output, query_norm, key_norm, mlp_norm, gate, up, down;
    OwnedTensor query_bias, key_bias, value_bias;
  };

  // Sized so that a product's outputs are about as large as its inputs.
  OwnedTensor matrix(std::int64_t outputs, std::int64_t inputs) {
    const float bound = std::sqrt(3.0f / static_cast<float>(inputs));
    return {type_, {outputs, inputs}, values(outputs * inputs, -bound, bound)};
  }
  OwnedTensor norm(std::int64_t size, float scale, float offset = 0) {
    return {type_, {size}, values(size, 0.75f * scale - offset, 1.25f * scale - offset)};
  }
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
  OwnedTensor embedding_, final_norm_, head_;
  bool one_row_ = false;
};

}  // namespace rerank
