// A reranker on a backend: its weights by role, and its forward.
#pragma once

#include <cstdint>
#include <memory>

#include "backend/backend.h"
#include "checkpoint/checkpoint.h"
#include "model/reranker.h"

namespace rerank {

// Rows of the head, by vocabulary id. Unused by a model with a classification head.
struct AnswerIds {
  std::int32_t no = -1;  // -1: none, its logit is 0
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

// REQUIRES: the answers' ids are below the vocabulary's size where they are needed. `max_positions` is the
// longest prompt that will be asked for.
std::unique_ptr<Model> create_model(std::shared_ptr<Checkpoint> checkpoint, const Reranker& reranker,
                                    AnswerIds answers, std::int32_t max_positions);

}  // namespace rerank
