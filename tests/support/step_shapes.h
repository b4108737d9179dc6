// Specifications that between them have every key and every awkward size that a backend's step may meet. For
// tests only.
#pragma once

#include <cmath>
#include <ostream>
#include <utility>
#include <vector>

#include "backend/transformer.h"

namespace rerank {

struct NamedShape {
  const char* name;
  TransformerSpec spec;
  float qk_norm;
};

inline void PrintTo(const NamedShape& shape, std::ostream* out) {
  *out << shape.name;
}

// Query heads of a kv head 1, 2 and 6; sizes that fill no whole tile or panel; the smallest and the largest
// head.
inline TransformerSpec make_shape(std::int32_t hidden, std::int32_t ffn, std::int32_t num_heads,
                                  std::int32_t num_kv_heads, std::int32_t head_dim) {
  return {.hidden = hidden,
          .ffn = ffn,
          .num_layers = 2,
          .num_heads = num_heads,
          .num_kv_heads = num_kv_heads,
          .head_dim = head_dim,
          .vocab = 50,
          .max_positions = 700,
          .norm_eps = 1e-6f,
          .rotations = {rotary_frequencies(head_dim, 1e6)},
          .qk_norm = true};
}

// As Qwen2: biases of queries, keys and values, no norms of heads.
inline TransformerSpec with_biases(TransformerSpec spec) {
  spec.qkv_bias = true;
  spec.qk_norm = false;
  return spec;
}

// As Gemma: nothing on heads either, another activation, norms around 1, embeddings scaled.
inline TransformerSpec with_gelu(TransformerSpec spec) {
  spec.qk_norm = false;
  spec.activation = MlpActivation::kGeluTanh;
  spec.norm_weight_offset = 1;
  spec.embedding_scale = std::sqrt(static_cast<float>(spec.hidden));
  return spec;
}

inline HeadStep dense(std::int32_t outputs, HeadStep::Activation activation, bool has_bias = true) {
  return {.outputs = outputs, .has_bias = has_bias, .activation = activation};
}

// What all encoders have; attention differs between the two layers.
inline TransformerSpec as_encoder(TransformerSpec spec, std::vector<LayerAttention> attention) {
  spec.qk_norm = false;
  spec.norm = NormKind::kLayer;
  spec.activation = MlpActivation::kGelu;
  spec.mask = Mask::kBidirectional;
  spec.pooling = Pooling::kFirst;
  spec.embedding_norm = true;
  spec.attention = std::move(attention);
  return spec;
}

inline TransformerSpec as_bert(TransformerSpec spec) {
  spec = as_encoder(std::move(spec), {{.rotation = kNoRotation}, {.rotation = kNoRotation}});
  spec.rotations = {};
  spec.norm_place = NormPlace::kBehind;
  spec.norm_bias = spec.qkv_bias = spec.output_bias = spec.gate_bias = spec.down_bias = true;
  spec.has_final_norm = spec.gated = false;
  spec.num_position_rows = 702;
  spec.position_offset = 2;
  spec.position_pad_id = 7;
  spec.num_token_types = 2;
  spec.head = {dense(spec.hidden, HeadStep::Activation::kTanh), dense(1, HeadStep::Activation::kNone)};
  return spec;
}

// Windows and another rotation in the second layer, no norm in the first.
inline TransformerSpec as_modern_bert(TransformerSpec spec, bool has_biases, Pooling pooling) {
  spec = as_encoder(std::move(spec), {{.has_norm = false}, {.window = 16, .rotation = 1}});
  spec.rotations.push_back(rotary_frequencies(spec.head_dim, 1e4));
  spec.norm_bias = spec.qkv_bias = spec.output_bias = spec.gate_bias = spec.down_bias = has_biases;
  spec.pooling = pooling;
  spec.head = {dense(spec.hidden, HeadStep::Activation::kGelu, has_biases),
               {.kind = HeadStep::Kind::kLayerNorm, .has_bias = has_biases, .eps = 1e-5f},
               dense(1, HeadStep::Activation::kNone)};
  return spec;
}

inline TransformerSpec as_gte(TransformerSpec spec) {
  spec = as_encoder(std::move(spec), {});
  spec.norm_place = NormPlace::kBehind;
  spec.norm_bias = spec.qkv_bias = spec.output_bias = spec.down_bias = true;
  spec.has_final_norm = false;
  spec.num_token_types = 1;
  spec.head = {dense(spec.hidden, HeadStep::Activation::kTanh), dense(1, HeadStep::Activation::kNone)};
  return spec;
}

// A decoder that looks both ways.
inline TransformerSpec as_bidirectional(TransformerSpec spec) {
  spec.qk_norm = false;
  spec.mask = Mask::kBidirectional;
  spec.pooling = Pooling::kMean;
  spec.head = {dense(1, HeadStep::Activation::kNone, false)};
  spec.head.front().divisor = 0.2f;
  return spec;
}

// Its layers twice, so that those between the first and the last can be quantized.
inline TransformerSpec doubled(TransformerSpec spec) {
  spec.num_layers *= 2;
  const std::vector<LayerAttention> attention = spec.attention;
  spec.attention.insert(spec.attention.end(), attention.begin(), attention.end());
  return spec;
}

inline std::vector<NamedShape> shapes() {
  return {{"group2_head32", make_shape(64, 200, 4, 2, 32), 1},
          {"group6_head64", make_shape(96, 224, 6, 1, 64), 1},
          {"group1_head128", make_shape(160, 37, 3, 3, 128), 1},
          {"sharp_head256", make_shape(64, 48, 2, 1, 256), 3},
          {"biases_head64", with_biases(make_shape(96, 200, 6, 2, 64)), 1},
          {"biases_head16", with_biases(make_shape(64, 200, 6, 1, 16)), 1},
          {"group3_head48", make_shape(96, 96, 6, 2, 48), 1},
          {"gelu_head256", with_gelu(make_shape(96, 48, 4, 1, 256)), 1},
          {"bert_head32", as_bert(make_shape(96, 200, 3, 3, 32)), 1},
          {"modern_bert_head64", as_modern_bert(make_shape(128, 160, 2, 2, 64), false, Pooling::kFirst), 1},
          {"modern_bert_head16", as_modern_bert(make_shape(96, 200, 6, 6, 16), true, Pooling::kMean), 1},
          {"modern_bert_head32", as_modern_bert(make_shape(96, 200, 3, 3, 32), true, Pooling::kMean), 1},
          {"gte_head64", as_gte(make_shape(128, 160, 2, 2, 64)), 1},
          {"bidirectional_head16", as_bidirectional(make_shape(96, 200, 6, 2, 16)), 1},
          {"bidirectional_head64", as_bidirectional(make_shape(96, 200, 6, 2, 64)), 1}};
}

}  // namespace rerank
