// The keys of config.json that decoder families have in common.
#pragma once

#include <cstdint>

#include "model/config_sizes.h"

namespace rerank {

struct DecoderConfig {
  TransformerSpec spec;          // max_positions: max_position_embeddings
  bool tied_embeddings = false;  // tie_word_embeddings: the head is the embedding matrix
};

// Defaults of the family's configuration class for keys that a file omits.
struct DecoderDefaults {
  std::int32_t head_dim = 0;  // 0: hidden_size / num_attention_heads
  bool tied_embeddings = false;
};

// The sizes, the norm's epsilon, the rotation. Throws Error naming the key and what to do: a key missing or
// out of range, or one that would change the scores and that no backend computes: rope scaling, a sliding
// window, biases, attention that is not causal, quantized weights. Activation and flags of the specification
// are the family's.
DecoderConfig read_decoder_config(const JsonView& config, const DecoderDefaults& defaults);

}  // namespace rerank
