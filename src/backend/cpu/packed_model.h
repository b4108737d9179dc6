// A transformer's weights in the form the CPU kernels read: where each lies in one block of memory, and the
// packing.
//
// A matrix [outputs, inputs] becomes panels of 32 outputs. A panel of bfloat16 weights is [inputs /
// 2][32][2], pairs of inputs side by side, which serves bfloat16 dot products as it is and float32 arithmetic
// by one shift or mask; a panel of float32 weights is [inputs][32]. Query, key and value are one matrix, so
// are gate and up: each of its panels holds 16 outputs of gate, then the same 16 of up; without up, 32 of
// gate. A bias has its matrix's columns. What is missing at the edges is 0. No instruction set changes the
// form. Norms have norm_weight_offset in their weights.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "backend/cpu/kernels.h"
#include "backend/transformer.h"
#include "base/thread_pool.h"

namespace rerank::cpu {

struct PackedMatrix {
  Format format = Format::kBFloat16;
  const std::byte* panels = nullptr;
  std::int32_t num_panels = 0;
  std::int32_t k = 0;           // inputs, padded
  const float* bias = nullptr;  // [num_panels, 32]; nullptr without one
};

struct PackedNorm {
  const float* weight = nullptr;  // [hidden]
  const float* bias = nullptr;    // [hidden], zeros without one; nullptr for RMS norms
};

struct PackedLayer {
  PackedNorm attention_norm;  // zeros where the layer has none
  const float* query_norm;    // [head_dim]; nullptr without qk_norm
  const float* key_norm;      // [head_dim]; nullptr without qk_norm
  PackedNorm mlp_norm;
  PackedMatrix qkv;      // qkv_dim outputs, hidden inputs
  PackedMatrix output;   // hidden outputs, query_dim inputs
  PackedMatrix gate_up;  // 2 * ffn outputs, or ffn without up, hidden inputs
  PackedMatrix down;     // hidden outputs, ffn inputs
};

// A matrix has rows of `stride` inputs, zeros behind the last; a norm is one row.
struct PackedHeadStep {
  const float* weight = nullptr;  // [outputs, stride]
  const float* bias = nullptr;    // [outputs], zeros without one
  std::int32_t inputs = 0;
  std::int32_t stride = 0;
};

// Views into a block; the float32 arrays of the head are zeros where the model has no such row.
struct PackedModel {
  std::vector<PackedLayer> layers;
  PackedNorm final_norm;
  const float* head_no = nullptr;   // [hidden]
  const float* head_yes = nullptr;  // [hidden]
  TensorView embedding;             // [vocab, hidden]
  // nullptr where there are none.
  const float* position_embedding = nullptr;  // [num_position_rows, hidden]
  const float* type_embedding = nullptr;      // [num_token_types, hidden]
  PackedNorm embedding_norm;
  std::vector<PackedHeadStep> head;
};

// What the form depends on.
struct PackedForm {
  TransformerSpec spec;
  Format format = Format::kBFloat16;  // of the packed matrices
  DataType embedding_type = DataType::kBFloat16;
};

// Inputs of `down`, padded to whole panels of `gate_up`, as it produces them.
std::int32_t padded_ffn(const TransformerSpec& spec);

PackedForm packed_form(TransformerWeights& weights, Format format);
std::size_t packed_model_bytes(const PackedForm& form);
// REQUIRES: `base` is aligned to 64 bytes and holds packed_model_bytes.
PackedModel view_packed_model(const std::byte* base, const PackedForm& form);
void pack_model(TransformerWeights& weights, const PackedForm& form, std::byte* base, ThreadPool& pool);

}  // namespace rerank::cpu
