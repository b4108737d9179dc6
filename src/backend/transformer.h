// What a backend needs to know of a transformer: its specification, which names no model, and its weights by
// role, handed out one layer at a time so that packing never holds a second copy of the model.
#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <utility>

#include "base/tensor_view.h"
#include "rerank/error.h"

namespace rerank {

// Of the gate of an MLP: silu(x) = x / (1 + exp(-x)), or
// gelu_tanh(x) = x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))).
enum class MlpActivation { kSilu, kGeluTanh };

// A causal decoder, with RMS norms before attention and before the MLP, rotary positions and a gated MLP. The
// names in brackets are config.json's, where they differ.
struct TransformerSpec {
  std::int32_t hidden = 0;         // hidden_size
  std::int32_t ffn = 0;            // intermediate_size
  std::int32_t num_layers = 0;     // num_hidden_layers
  std::int32_t num_heads = 0;      // num_attention_heads
  std::int32_t num_kv_heads = 0;   // num_key_value_heads; divides num_heads
  std::int32_t head_dim = 0;       // even
  std::int32_t vocab = 0;          // vocab_size
  std::int32_t max_positions = 0;  // positions that will be asked for
  float norm_eps = 0;              // rms_norm_eps
  double rope_theta = 0;

  bool qkv_bias = false;  // the query, key and value projections have one
  bool qk_norm = false;   // RMS norm on each query and key head
  MlpActivation activation = MlpActivation::kSilu;
  float norm_weight_offset = 0;  // added to the weights of all norms but those on heads
  float embedding_scale = 1;     // of the token embeddings

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

// An empty view is absent. Matrices are [outputs, inputs], as published.
struct Linear {
  TensorView weight;  // [outputs, inputs]
  TensorView bias;    // [outputs]
};

struct LayerWeights {
  TensorView attention_norm;  // [hidden], before attention
  Linear query;               // [query_dim, hidden]
  Linear key;                 // [kv_dim, hidden]
  Linear value;               // [kv_dim, hidden]
  Linear output;              // [hidden, query_dim]
  TensorView query_norm;      // [head_dim]; empty unless qk_norm
  TensorView key_norm;        // [head_dim]
  TensorView mlp_norm;        // [hidden], before the MLP
  Linear gate;                // [ffn, hidden]
  Linear up;                  // [ffn, hidden]
  Linear down;                // [hidden, ffn]
};

// A family's weights must be those that its specification declares. Throws Error{kInternal} naming the role.
inline void check_weights(const TransformerSpec& spec, const LayerWeights& layer) {
  using Role = std::pair<const char*, const TensorView*>;
  for (const auto& [role, view] :
       {Role{"query", &layer.query.bias}, {"key", &layer.key.bias}, {"value", &layer.value.bias}}) {
    check(view->empty() != spec.qkv_bias, std::string("qkv_bias and the bias of ") + role + " disagree");
  }
  for (const auto& [role, view] : {Role{"query_norm", &layer.query_norm}, {"key_norm", &layer.key_norm}}) {
    check(view->empty() != spec.qk_norm, std::string("qk_norm and ") + role + " disagree");
  }
  for (const auto& [role, view] : {Role{"output", &layer.output.bias},
                                   {"gate", &layer.gate.bias},
                                   {"up", &layer.up.bias},
                                   {"down", &layer.down.bias}}) {
    check(view->empty(), std::string("no backend adds a bias of ") + role);
  }
}

// Views live until release of their layer, those outside the layers as long as this object.
class TransformerWeights {
 public:
  virtual ~TransformerWeights() = default;

  virtual const TransformerSpec& spec() const = 0;
  virtual DataType type() const = 0;  // of the matrices
  // Changes whenever any weight or the head may have changed.
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
