// A transformer's weights in the form that the CPU kernels read: the position of each in one block of memory,
// and the packing.
//
// A matrix [outputs, inputs] becomes panels of 32 outputs. A panel of bfloat16 weights is [inputs /
// 2][32][2], with pairs of inputs side by side, which bfloat16 dot products use directly and float32
// arithmetic after one shift or mask. A panel of float32 weights is [inputs][32]; of int8 see int8/panel.h.
// Query, key and value form
// one matrix, and so do gate and up: each of their panels contains 16 outputs of gate and the same 16 of up,
// or 32 of gate if there is no up. A bias has the columns of its matrix. Padding is 0. The form is the same
// for every instruction set. The weights of norms include norm_weight_offset.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "backend/cpu/kernels.h"
#include "backend/quantization.h"
#include "backend/transformer.h"
#include "base/thread_pool.h"

namespace rerank::cpu {

struct PackedMatrix {
  Format format = Format::kBFloat16;
  const std::byte* panels = nullptr;
  std::int32_t num_panels = 0;
  std::int32_t k = 0;           // inputs, padded
  const float* bias = nullptr;  // [num_panels, 32]; nullptr: none
};

struct PackedNorm {
  const float* weight = nullptr;  // [hidden]
  const float* bias = nullptr;    // [hidden], zeros if absent; nullptr for RMS norms
};

struct PackedLayer {
  PackedNorm attention_norm;  // zeros if the layer has none
  const float* query_norm;    // [head_dim]; nullptr without qk_norm
  const float* key_norm;      // [head_dim]; nullptr without qk_norm
  PackedNorm mlp_norm;
  PackedMatrix qkv;      // qkv_dim outputs, hidden inputs
  PackedMatrix output;   // hidden outputs, query_dim inputs
  PackedMatrix gate_up;  // 2 * ffn outputs, or ffn without up, hidden inputs
  PackedMatrix down;     // hidden outputs, ffn inputs
};

// A matrix has rows of `stride` inputs, padded with zeros; a norm is one row.
struct PackedHeadStep {
  const float* weight = nullptr;  // [outputs, stride]
  const float* bias = nullptr;    // [outputs], zeros if absent
  std::int32_t inputs = 0;
  std::int32_t stride = 0;
};

// Views into a block; the float32 arrays of the head are zeros if the model has no such row.
struct PackedModel {
  std::vector<PackedLayer> layers;
  PackedNorm final_norm;
  const float* head_no = nullptr;   // [hidden]
  const float* head_yes = nullptr;  // [hidden]
  TensorView embedding;             // [vocab, hidden]
  // nullptr if absent.
  const float* position_embedding = nullptr;  // [num_position_rows, hidden]
  const float* type_embedding = nullptr;      // [num_token_types, hidden]
  PackedNorm embedding_norm;
  std::vector<PackedHeadStep> head;
};

// The form depends on these.
struct PackedForm {
  TransformerSpec spec;
  Format format = Format::kBFloat16;  // of the packed matrices
  bool int8 = false;                  // of those of quantized layers
  DataType embedding_type = DataType::kBFloat16;

  bool is_quantized(std::int32_t layer) const { return int8 && is_quantized_layer(spec, layer); }
};

// The inputs of `down`, padded to whole panels of `gate_up`, which produces them, and to whole tiles of AMX.
std::int32_t padded_ffn(const TransformerSpec& spec);

PackedForm packed_form(TransformerWeights& weights, Format format, bool int8 = false);
std::size_t packed_model_bytes(const PackedForm& form);
// REQUIRES: `base` is aligned to 64 bytes and has packed_model_bytes.
PackedModel view_packed_model(const std::byte* base, const PackedForm& form);
void pack_model(TransformerWeights& weights, const PackedForm& form, std::byte* base, ThreadPool& pool);

}  // namespace rerank::cpu
