// The tensors of a decoder as Hugging Face Transformers names them, in Qwen3, Qwen2, Gemma and their like.
#pragma once

#include "model/decoder/decoder_config.h"
#include "model/family.h"

namespace rerank {

// A classification head is score.weight, [1, hidden], or the specification's one step; a vocabulary's is
// lm_head.weight, or the embedding where the two are tied.
ModelLayout decoder_layout(DecoderConfig config, HeadKind head);

}  // namespace rerank
