// The weights of a transformer in a checkpoint, found by their roles.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "backend/transformer.h"
#include "checkpoint/checkpoint.h"
#include "model/model.h"

namespace rerank {

class CheckpointWeights final : public TransformerWeights {
 public:
  // See create_model.
  CheckpointWeights(std::shared_ptr<Checkpoint> checkpoint, const Reranker& reranker, AnswerIds answers,
                    std::int32_t max_positions);

  const TransformerSpec& spec() const override { return spec_; }
  DataType type() const override { return type_; }
  std::string identity() const override;

  LayerWeights layer(std::int32_t layer) override;
  void release_layer(std::int32_t layer) override;
  TensorView embedding() override { return tensor(TensorRole::kEmbedding); }
  DataType embedding_type() override;
  Norm final_norm() override { return {tensor(TensorRole::kFinalNorm), {}}; }
  TensorView head_no() override;
  TensorView head_yes() override;

  // Lets go of the checkpoint. REQUIRES: nothing else is called after it but spec and type.
  void release() { checkpoint_.reset(); }

 private:
  // An empty view where the model has none.
  TensorView tensor(TensorRole role, std::int32_t layer = kNoLayer) const;
  TensorView head_row(std::int32_t row);

  std::shared_ptr<Checkpoint> checkpoint_;
  std::map<std::pair<std::int32_t, TensorRole>, std::string> names_;
  TransformerSpec spec_;
  DataType type_;
  bool has_classification_head_;
  AnswerIds answers_;
};

}  // namespace rerank
