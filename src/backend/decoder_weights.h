// What a backend needs to know of a decoder: its shape, and its weights by role, handed out one layer at a
// time so that packing never holds a second copy of the model.
#pragma once

#include <cmath>
#include <cstdint>
#include <string>

#include "base/tensor_view.h"

namespace rerank {

struct DecoderShape {
  std::int32_t hidden = 0;
  std::int32_t ffn = 0;
  std::int32_t num_layers = 0;
  std::int32_t num_heads = 0;
  std::int32_t num_kv_heads = 0;
  std::int32_t head_dim = 0;  // even
  std::int32_t vocab = 0;
  std::int32_t max_positions = 0;  // positions that will be asked for
  float rms_norm_eps = 0;
  double rope_theta = 0;

  std::int32_t query_dim() const { return num_heads * head_dim; }
  std::int32_t kv_dim() const { return num_kv_heads * head_dim; }
  std::int32_t qkv_dim() const { return query_dim() + 2 * kv_dim(); }
  // Angle of one position in columns i and i + head_dim / 2: theta^(-2i / head_dim), rounded to float32 where
  // the published implementation (Hugging Face Qwen3RotaryEmbedding) rounds.
  float rotary_frequency(std::int32_t i) const {
    const float exponent = static_cast<float>(2 * i) / static_cast<float>(head_dim);
    return 1.0f / static_cast<float>(std::pow(rope_theta, double{exponent}));
  }
};

// Matrices are [outputs, inputs], as published.
struct LayerWeights {
  TensorView input_norm;      // [hidden]
  TensorView query;           // [query_dim, hidden]
  TensorView key;             // [kv_dim, hidden]
  TensorView value;           // [kv_dim, hidden]
  TensorView output;          // [hidden, query_dim]
  TensorView query_norm;      // [head_dim]
  TensorView key_norm;        // [head_dim]
  TensorView attention_norm;  // [hidden], before the MLP
  TensorView gate;            // [ffn, hidden]
  TensorView up;              // [ffn, hidden]
  TensorView down;            // [hidden, ffn]
};

// Views live until release of their layer, those outside the layers as long as this object.
class DecoderWeights {
 public:
  virtual ~DecoderWeights() = default;

  virtual const DecoderShape& shape() const = 0;
  virtual DataType type() const = 0;  // of the matrices
  // Changes whenever any weight may have changed.
  virtual std::string identity() const = 0;

  virtual LayerWeights layer(std::int32_t layer) = 0;
  virtual void release_layer(std::int32_t layer) = 0;
  virtual TensorView embedding() = 0;  // [vocab, hidden]
  // Without making or reading it.
  virtual DataType embedding_type() { return embedding().type; }
  virtual TensorView final_norm() = 0;  // [hidden]
  virtual TensorView head_no() = 0;     // [hidden]; empty: the logit is 0
  virtual TensorView head_yes() = 0;    // [hidden]
};

}  // namespace rerank
