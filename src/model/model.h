// A reranker model family on a backend: its weights by name, its forward, its score. One file for each
// family.
#pragma once

#include <cstdint>
#include <memory>

#include "backend/backend.h"
#include "checkpoint/checkpoint.h"

namespace rerank {

// The vocabulary's ids of the two answers; unused by a model with a classification head.
struct AnswerTokens {
  std::int32_t no = -1;
  std::int32_t yes = -1;
};

// Not safe from several threads at once.
class Model {
 public:
  virtual ~Model() = default;

  // What a backend loads; lives as long as the model. REQUIRES: release_weights was not called.
  virtual TransformerWeights& weights() = 0;
  // The backend has its own: lets go of the checkpoint.
  virtual void release_weights() {}
  // From the ids of the batch that the backend has begun to its logits.
  virtual void forward(Backend& backend) const = 0;
};

// True when the checkpoint's head is rows of its language model head, so that AnswerTokens are needed.
bool needs_answer_tokens(const Checkpoint& checkpoint);

// The type of the checkpoint's matrices, which decides how a backend may compute them.
DataType matrix_type(const Checkpoint& checkpoint);

// REQUIRES: the answers' ids are below the vocabulary's size where they are needed. `max_positions` is the
// longest prompt that will be asked for. Throws Error naming the architecture when no family knows it.
std::unique_ptr<Model> create_model(std::shared_ptr<Checkpoint> checkpoint, AnswerTokens answers,
                                    std::int32_t max_positions);

// sigmoid(logit_yes - logit_no), in float32 (Qwen3-Reranker's published scoring: softmax over the two, of
// yes).
float score(float logit_no, float logit_yes);

}  // namespace rerank
