// The tensors of a decoder, with the names of Hugging Face Transformers for Qwen3, Qwen2, Gemma and similar
// models.
#pragma once

#include "model/decoder/decoder_config.h"
#include "model/family.h"

namespace rerank {

// A classification head is score.weight, [1, hidden], or the only head step of the specification; a language
// model head is lm_head.weight, or the embedding if they are tied.
ModelLayout decoder_layout(DecoderConfig config, HeadKind head);

}  // namespace rerank
