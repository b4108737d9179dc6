// The tensors of a decoder as Hugging Face Transformers names them, in Qwen3, Qwen2, Gemma and their like.
#pragma once

#include <vector>

#include "model/decoder/decoder_config.h"
#include "model/tensors.h"

namespace rerank {

// Where the logits come from.
enum class DecoderHead {
  kVocabulary,      // rows of lm_head.weight, or of the embedding where the two are tied
  kClassification,  // score.weight, [1, hidden]
};

std::vector<ModelTensor> decoder_tensors(const DecoderConfig& config, DecoderHead head);

}  // namespace rerank
