// The tensors of a family's checkpoints: one list for validating, loading, generating and releasing them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "checkpoint/checkpoint.h"

namespace rerank {

// Each bias directly follows its weight: see bias_of.
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
  kHead,      // logits: the rows of the vocabulary, or the one row of a classification head
  kHeadStep,  // a step of a classification head; its layer is a head_step_place
  kHeadStepBias,
};

constexpr TensorRole bias_of(TensorRole weight) {
  return static_cast<TensorRole>(static_cast<int>(weight) + 1);
}

// Values of ModelTensor::layer.
inline constexpr std::int32_t kNoLayer = -1;
constexpr std::int32_t head_step_place(std::int32_t step) {
  return kNoLayer - 1 - step;
}

// A range of rows, in a tensor that stacks several roles.
struct TensorPart {
  TensorRole role;
  std::int64_t num_rows;
};

struct ModelTensor {
  std::string name;
  std::vector<std::int64_t> shape;
  TensorRole role = TensorRole::kEmbedding;  // of the first rows
  std::int32_t layer = kNoLayer;
  std::vector<TensorPart> parts = {};  // cover all rows; empty: all have `role`
};

// Throws Error naming the first of `wanted` that is missing or has another shape, or the first tensor of the
// checkpoint that is not in `wanted` and would be ignored. `architecture` is for messages.
void validate_tensors(const Checkpoint& checkpoint, const std::vector<ModelTensor>& wanted,
                      const std::string& architecture);

}  // namespace rerank
