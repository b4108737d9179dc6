// The tensors of a family's checkpoints: one list for checking, loading, making and releasing them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "checkpoint/checkpoint.h"

namespace rerank {

// A bias follows its weight: see bias_of.
enum class TensorRole {
  kEmbedding,
  kPositionEmbedding,
  kTypeEmbedding,
  kEmbeddingNorm,
  kEmbeddingNormBias,
  kAttentionNorm,
  kAttentionNormBias,
  kQuery,
  kQueryBias,
  kKey,
  kKeyBias,
  kValue,
  kValueBias,
  kQueryNorm,
  kKeyNorm,
  kOutput,
  kOutputBias,
  kMlpNorm,
  kMlpNormBias,
  kGate,
  kGateBias,
  kUp,
  kUpBias,
  kDown,
  kDownBias,
  kFinalNorm,
  kFinalNormBias,
  kHead,      // rows of logits: the vocabulary's, or a classification head's only one
  kHeadStep,  // of a classification head of several steps; its layer is a head_step_place
  kHeadStepBias,
};

constexpr TensorRole bias_of(TensorRole weight) {
  return static_cast<TensorRole>(static_cast<int>(weight) + 1);
}

// Of ModelTensor::layer.
inline constexpr std::int32_t kNoLayer = -1;
constexpr std::int32_t head_step_place(std::int32_t step) {
  return kNoLayer - 1 - step;
}

// Some rows of a tensor that holds several roles below each other.
struct TensorPart {
  TensorRole role;
  std::int64_t num_rows;
};

struct ModelTensor {
  std::string name;
  std::vector<std::int64_t> shape;
  TensorRole role = TensorRole::kEmbedding;  // of its first rows
  std::int32_t layer = kNoLayer;
  std::vector<TensorPart> parts = {};  // all of its rows; empty: all have `role`
};

// Throws Error naming the first of `wanted` that the checkpoint does not have, or has in another shape, and
// the first tensor of the checkpoint that is not among them and whose effect would be left out.
// `architecture` is for messages.
void validate_tensors(const Checkpoint& checkpoint, const std::vector<ModelTensor>& wanted,
                      const std::string& architecture);

}  // namespace rerank
