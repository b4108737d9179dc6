// A transformer as data: what a backend has to compute (sizes, and the properties in which families differ)
// and its weights by role, without names of families. A backend chooses kernels by it at load, and rejects by
// name what it does not support.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "backend/packed_batch.h"
#include "base/tensor_view.h"
#include "rerank/error.h"

namespace rerank {

// silu(x) = x / (1 + exp(-x)), gelu(x) = x / 2 * (1 + erf(x / sqrt(2))), or its approximation
// gelu_tanh(x) = x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))).
enum class MlpActivation { kSilu, kGeluTanh, kGelu };

enum class NormKind {
  kRms,    // x / sqrt(mean(x^2) + eps) * weight
  kLayer,  // (x - mean(x)) / sqrt(variance(x) + eps) * weight + bias
};

enum class NormPlace {
  kBefore,  // hidden += step(norm(hidden))
  kBehind,  // hidden = norm(hidden + step(hidden))
};

enum class Mask { kCausal, kBidirectional };

// The state of a segment that is scored: of its last token, of its first, or the mean of all after the final
// norm.
enum class Pooling { kLast, kFirst, kMean };

// The properties of one layer's attention.
struct LayerAttention {
  std::int32_t window = 0;    // query i sees keys j with |i - j| <= window; 0: all
  std::int32_t rotation = 0;  // index into rotations; kNoRotation: none
  bool has_norm = true;       // false: no norm for attention in this layer
};
inline constexpr std::int32_t kNoRotation = -1;

// A step of a classification head, applied to a pooled state: a matrix product or a layer norm.
struct HeadStep {
  enum class Kind { kDense, kLayerNorm };
  enum class Activation { kNone, kTanh, kGelu };

  Kind kind = Kind::kDense;
  std::int32_t outputs = 0;  // in a layer norm the same as inputs
  bool has_bias = false;
  Activation activation = Activation::kNone;  // of a product
  float divisor = 1;                          // of a product, before the activation
  float eps = 0;                              // of a layer norm

  bool operator==(const HeadStep&) const = default;
};

// Comments name the key of config.json if it differs. With defaults for everything after norm_eps it is a
// causal decoder: RMS norms before attention and MLP, rotary positions, a gated MLP.
struct TransformerSpec {
  std::int32_t hidden = 0;         // hidden_size
  std::int32_t ffn = 0;            // intermediate_size
  std::int32_t num_layers = 0;     // num_hidden_layers
  std::int32_t num_heads = 0;      // num_attention_heads
  std::int32_t num_kv_heads = 0;   // num_key_value_heads; divides num_heads
  std::int32_t head_dim = 0;       // even
  std::int32_t vocab = 0;          // vocab_size
  std::int32_t max_positions = 0;  // largest number of positions to support
  float norm_eps = 0;              // rms_norm_eps or layer_norm_eps
  // Inverse frequencies, each [head_dim / 2]: the angle per position for columns i and i + head_dim / 2.
  std::vector<std::vector<float>> rotations;

  bool qkv_bias = false;  // in the query, key and value projections
  bool qk_norm = false;   // RMS norm of each query and key head
  MlpActivation activation = MlpActivation::kSilu;
  float norm_weight_offset = 0;  // added to the weights of all norms except those of heads
  float embedding_scale = 1;     // of the token embeddings

  NormKind norm = NormKind::kRms;
  NormPlace norm_place = NormPlace::kBefore;
  bool norm_bias = false;  // in layer norms
  bool has_final_norm = true;
  bool output_bias = false;  // in attention's output projection
  bool gated = true;         // false: activation(gate), without up
  bool gate_bias = false;    // in gate and up
  bool down_bias = false;
  Mask mask = Mask::kCausal;
  std::vector<LayerAttention> attention;  // [num_layers]; empty: all keys and rotation 0 in each

  std::int32_t num_position_rows = 0;  // learned positions; 0: none
  std::int32_t position_offset = 0;    // the table's row for the first token of a prompt
  // A token that uses the row before position_offset and does not advance the position; -1: none.
  std::int32_t position_pad_id = -1;
  std::int32_t num_token_types = 0;  // learned types; only 0 and 1 are used; 0: none
  bool embedding_norm = false;       // norm of the sum of token, position and type

  Pooling pooling = Pooling::kLast;
  std::vector<HeadStep> head;  // ends in one output; empty: rows "no" and "yes" of a vocabulary

  std::int32_t query_dim() const { return num_heads * head_dim; }
  std::int32_t kv_dim() const { return num_kv_heads * head_dim; }
  std::int32_t qkv_dim() const { return query_dim() + 2 * kv_dim(); }
  LayerAttention attention_of(std::int32_t layer) const {
    return attention.empty() ? LayerAttention{} : attention[static_cast<std::size_t>(layer)];
  }
};

// theta^(-2i / head_dim), rounded to float32 at the same places as the published implementations (Hugging
// Face Qwen3RotaryEmbedding and similar).
inline std::vector<float> rotary_frequencies(std::int32_t head_dim, double theta) {
  std::vector<float> frequencies;
  for (std::int32_t i = 0; i < head_dim / 2; ++i) {
    const float exponent = static_cast<float>(2 * i) / static_cast<float>(head_dim);
    frequencies.push_back(1.0f / static_cast<float>(std::pow(theta, double{exponent})));
  }
  return frequencies;
}

// The rows of the position table for a segment's tokens. REQUIRES: num_position_rows is not 0.
inline void fill_position_rows(const TransformerSpec& spec, const PackedBatch& batch, const Segment& segment,
                               std::span<std::int32_t> rows) {
  std::int32_t next = spec.position_offset;
  for (std::int32_t i = 0; i < segment.num_tokens; ++i) {
    const std::int32_t id = batch.ids[static_cast<std::size_t>(segment.first_row + i)];
    rows[static_cast<std::size_t>(i)] = id == spec.position_pad_id ? spec.position_offset - 1 : next++;
  }
}

// An empty view is absent. Matrices are [outputs, inputs], as published.
struct Linear {
  TensorView weight;  // [outputs, inputs]
  TensorView bias;    // [outputs]
};

struct Norm {
  TensorView weight;
  TensorView bias;
};

struct LayerWeights {
  Norm attention_norm;    // [hidden], before or after attention
  Linear query;           // [query_dim, hidden]
  Linear key;             // [kv_dim, hidden]
  Linear value;           // [kv_dim, hidden]
  Linear output;          // [hidden, query_dim]
  TensorView query_norm;  // [head_dim]; empty unless qk_norm
  TensorView key_norm;    // [head_dim]
  Norm mlp_norm;          // [hidden], before or after the MLP
  Linear gate;            // [ffn, hidden]
  Linear up;              // [ffn, hidden]; empty unless gated
  Linear down;            // [hidden, ffn]
};

// Checks that the weights are those that the specification declares. Throws Error{kInternal} naming the role.
inline void check_weights(const TransformerSpec& spec, const LayerWeights& layer, std::int32_t index) {
  const auto agree = [](const char* key, bool declared, const char* role, const TensorView& view) {
    check(view.empty() != declared, std::string(key) + " and " + role + " disagree");
  };
  agree("qkv_bias", spec.qkv_bias, "the bias of query", layer.query.bias);
  agree("qkv_bias", spec.qkv_bias, "the bias of key", layer.key.bias);
  agree("qkv_bias", spec.qkv_bias, "the bias of value", layer.value.bias);
  agree("qk_norm", spec.qk_norm, "query_norm", layer.query_norm);
  agree("qk_norm", spec.qk_norm, "key_norm", layer.key_norm);
  agree("output_bias", spec.output_bias, "the bias of output", layer.output.bias);
  agree("gated", spec.gated, "the weight of up", layer.up.weight);
  agree("gate_bias", spec.gate_bias, "the bias of gate", layer.gate.bias);
  agree("gate_bias", spec.gate_bias && spec.gated, "the bias of up", layer.up.bias);
  agree("down_bias", spec.down_bias, "the bias of down", layer.down.bias);
  const bool has_norm = spec.attention_of(index).has_norm;
  agree("has_norm", has_norm, "attention_norm", layer.attention_norm.weight);
  agree("norm_bias", has_norm && spec.norm_bias, "the bias of attention_norm", layer.attention_norm.bias);
  agree("norm_bias", spec.norm_bias, "the bias of mlp_norm", layer.mlp_norm.bias);
}

// Views are valid until their layer is released; others as long as this object.
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
  // Neither generates nor reads the embedding.
  virtual DataType embedding_type() { return embedding().type; }
  // Empty if the specification has none.
  virtual TensorView position_embedding() { return {}; }  // [num_position_rows, hidden]
  virtual TensorView type_embedding() { return {}; }      // [num_token_types, hidden]
  virtual Norm embedding_norm() { return {}; }            // [hidden]
  virtual Norm final_norm() = 0;                          // [hidden]
  virtual TensorView head_no() = 0;                       // [hidden]; empty: the logit is 0
  virtual TensorView head_yes() = 0;                      // [hidden]; empty if the head has steps
  // For HeadStep `step`: the matrix [outputs, inputs] or the norm's weight [inputs], and the bias.
  virtual Linear head_step(std::int32_t step) {
    static_cast<void>(step);
    return {};
  }
};

}  // namespace rerank
