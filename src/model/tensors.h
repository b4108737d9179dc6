// The tensors of a family's checkpoints: one list for checking, loading, making and releasing them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "checkpoint/checkpoint.h"

namespace rerank {

enum class TensorRole {
  kEmbedding,
  kAttentionNorm,
  kQuery,
  kQueryBias,
  kKey,
  kKeyBias,
  kValue,
  kValueBias,
  kQueryNorm,
  kKeyNorm,
  kOutput,
  kMlpNorm,
  kGate,
  kUp,
  kDown,
  kFinalNorm,
  kHead,  // rows of logits: the vocabulary's, or a classification head's
};

// Of ModelTensor::layer.
inline constexpr std::int32_t kNoLayer = -1;

struct ModelTensor {
  std::string name;
  std::vector<std::int64_t> shape;
  TensorRole role = TensorRole::kEmbedding;
  std::int32_t layer = kNoLayer;
};

// Throws Error naming the first of `wanted` that the checkpoint does not have, or has in another shape, and
// the first tensor of the checkpoint that is not among them and whose effect would be left out.
// `architecture` is for messages.
void validate_tensors(const Checkpoint& checkpoint, const std::vector<ModelTensor>& wanted,
                      const std::string& architecture);

}  // namespace rerank
