// The weights of a transformer on one device, or one shard of them.
#pragma once

#include <vector>

#include "backend/cuda/device.h"
#include "backend/cuda/kernel_set.h"
#include "backend/transformer.h"

namespace rerank::cuda {

// The part of every layer that a device has: heads and ffn columns are divided evenly and in order.
struct Shard {
  std::int32_t index = 0;
  std::int32_t count = 1;
};

// The spec of one shard. Throws Error{kUnsupported} naming the key that `shard.count` does not divide.
TransformerSpec shard_shape(const TransformerSpec& whole, const Shard& shard);

// A matrix [outputs, inputs] in bfloat16, or quantized with one scale per output.
struct DeviceMatrix {
  DeviceBuffer values;
  DeviceBuffer scales;
  Operand operand{};
};

// float32 [hidden]; empty: absent.
struct DeviceNorm {
  DeviceBuffer weight;
  DeviceBuffer bias;
};

// Whether norms are separate steps. Otherwise they are RMSNorm before a product, and their weight is
// multiplied into that of the product.
inline bool has_row_norms(const TransformerSpec& spec) {
  return spec.norm == NormKind::kLayer || spec.norm_place == NormPlace::kBehind;
}

struct DeviceLayer {
  DeviceMatrix qkv;         // [qkv_dim, hidden]; columns times attention_norm unless has_row_norms
  DeviceMatrix output;      // [hidden, query_dim]
  DeviceMatrix gate_up;     // [2 * ffn, hidden]: all of gate, then all of up; without a gate [ffn, hidden];
                            // columns times mlp_norm unless has_row_norms
  DeviceMatrix down;        // [hidden, ffn]
  DeviceBuffer query_norm;  // float32 [head_dim]; empty: none
  DeviceBuffer key_norm;    // float32 [head_dim]
  DeviceBuffer qkv_bias;    // float32 [qkv_dim], zeros if the model has none; empty if heads have norms
  DeviceNorm attention_norm, mlp_norm;                // with has_row_norms
  DeviceBuffer output_bias, gate_up_bias, down_bias;  // float32; empty: none
  NumberType type = NumberType::kBFloat16;

  bool is_quantized() const { return cuda::is_quantized(type); }
  // Attention and SwiGLU write e4m3: the weights that they read are divided in advance, so that no scale is
  // needed.
  bool makes_e4m3() const { return type == NumberType::kE4m3; }
};

// A step of the head: a matrix [outputs, inputs] or a norm's weight, and its bias, in float32.
struct DeviceHeadStep {
  HeadStep step;
  std::int32_t inputs = 0;
  DeviceBuffer weight, bias;
};

struct DeviceWeights {
  std::vector<DeviceLayer> layers;
  DeviceBuffer embedding;                           // bfloat16 [vocab, hidden]
  DeviceBuffer position_embedding, type_embedding;  // float32 [rows, hidden]; empty: absent
  DeviceNorm embedding_norm, final_norm;
  std::vector<DeviceHeadStep> head;
  DeviceBuffer head_no;   // float32 [hidden]; empty: the logit is 0
  DeviceBuffer head_yes;  // float32 [hidden]
};

// ffn columns as stored: padded with zeros for 16-byte accesses.
std::int32_t padded_ffn(std::int32_t ffn);

// The number type of a layer's matrices in a model of type `type`. Errors in the first layers matter most,
// and the last layer computes few rows: with int8 these two stay bfloat16; with e4m3, whose errors are
// larger, so do the first sixth of the layers, or twelfth if they are narrow and gain less from it
// (docs/gpu.md).
NumberType type_of_layer(const TransformerSpec& spec, NumberType type, std::int32_t layer);

// The bytes of device memory that upload_weights allocates.
std::size_t weight_bytes(const TransformerSpec& shard, NumberType type);

// Copies the shard's part to the current device, layer by layer, in the types of type_of_layer, for products
// of `kernels`. A layer is released after its last shard.
DeviceWeights upload_weights(TransformerWeights& weights, const Shard& shard, NumberType type,
                             KernelSet& kernels);

}  // namespace rerank::cuda
