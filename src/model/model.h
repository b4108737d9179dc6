// A reranker on a backend: its weights by role, and its forward pass.
#pragma once

#include <cstdint>
#include <memory>

#include "backend/backend.h"
#include "checkpoint/checkpoint.h"
#include "model/reranker.h"

namespace rerank {

// Rows of the head, by token id. Unused with a classification head.
struct AnswerIds {
  std::int32_t no = -1;  // -1: none; its logit is 0
  std::int32_t yes = -1;
};

// Not safe from several threads at once.
class Model {
 public:
  virtual ~Model() = default;

  // What a backend loads; valid as long as the model. REQUIRES: release_weights was not called.
  virtual TransformerWeights& weights() = 0;
  // Drops the checkpoint; called when the backend has its own copy of the weights.
  virtual void release_weights() {}
  // Computes the logits of the batch that was passed to the backend's begin.
  virtual void forward(Backend& backend) const = 0;
};

// REQUIRES: answer ids that are used are smaller than the vocabulary. `max_positions` is the length of the
// longest prompt that will be computed.
std::unique_ptr<Model> create_model(std::shared_ptr<Checkpoint> checkpoint, const Reranker& reranker,
                                    AnswerIds answers, std::int32_t max_positions);

}  // namespace rerank
