// Which key of a specification a backend refuses that computes causal decoders alone.
#pragma once

#include <algorithm>
#include <string>

#include "backend/transformer.h"

namespace rerank {

// The first key that decoders do not have, as what follows "does not compute"; empty: none.
inline std::string first_encoder_key(const TransformerSpec& spec) {
  const bool has_own_attention =
      std::any_of(spec.attention.begin(), spec.attention.end(), [](const LayerAttention& layer) {
        return layer.window != 0 || layer.rotation != 0 || !layer.has_norm;
      });
  const std::pair<bool, const char*> keys[] = {
      {spec.mask != Mask::kCausal, "attention that is not causal"},
      {spec.norm != NormKind::kRms || spec.norm_bias, "layer norms"},
      {spec.norm_place != NormPlace::kBefore || !spec.has_final_norm, "norms behind a step"},
      {spec.output_bias || spec.gate_bias || spec.down_bias, "biases of attention's output and the MLP"},
      {!spec.gated, "an MLP without a gate"},
      {spec.activation == MlpActivation::kGelu, "hidden_act gelu"},
      {spec.rotations.size() != 1 || has_own_attention, "attention that differs between layers"},
      {spec.num_position_rows != 0, "learned positions"},
      {spec.num_token_types != 0, "token types"},
      {spec.embedding_norm, "a norm of embeddings"},
      {spec.pooling != Pooling::kLast || !spec.head.empty(), "a classification head of several steps"}};
  for (const auto& [has, key] : keys) {
    if (has) return key;
  }
  return "";
}

}  // namespace rerank
